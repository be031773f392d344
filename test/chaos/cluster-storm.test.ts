import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Cluster, startCluster } from '../../src/cluster/cluster.ts';
import type { ManagedProcess } from '../../src/cluster/managed-process.ts';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { noPostgres, postgresPrograms } from '../fixtures/postgres-server.ts';
import { answer, startReceiver } from '../fixtures/receiver.ts';
import { noServer, restateBinary } from '../fixtures/restate-server.ts';
import { type Approvals, checkApprovals, startApprovals } from './approvals.ts';
import { type Asked, checkAnswered, postQuestion, questionBody } from './asked.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const blows = Number(process.env.CHAOS_KILLS ?? 4);
const senders = Number(process.env.CHAOS_SENDERS ?? 3);
const root = join(import.meta.dirname, '..', '..');

interface Struck {
  readonly cluster: Cluster;
  readonly approvals: Approvals;
  readonly random: () => number;
}

/** What the storm does, in turn; each ends when the next may begin. */
const kinds: readonly ((struck: Struck) => Promise<string>)[] = [
  ({ cluster, random }) => kill(cluster.processes, `restate-${1 + Math.floor(random() * 3)}`),
  ({ cluster, random }) => kill(cluster.processes, `worker-${1 + Math.floor(random() * 2)}`),
  ({ cluster, random }) => kill(cluster.processes, `gateway-${1 + Math.floor(random() * 2)}`),
  ({ approvals, random }) => kill(approvals.processes, `approver-${1 + Math.floor(random() * 2)}`),
  async ({ cluster: { postgres }, random }) => {
    const how = random() < 0.5 ? 'fast' : 'kill';
    await postgres.stop(how);
    await postgres.start();
    return `postgres restarted after ${how}`;
  },
  async ({ cluster: { processes }, random }) => {
    const node = processes.get(`restate-${1 + Math.floor(random() * 3)}`)!;
    node.signal('SIGSTOP');
    await pause(2_000);
    node.signal('SIGCONT');
    return `${node.name} stopped for 2 s`;
  },
];

async function kill(processes: ReadonlyMap<string, ManagedProcess>, name: string): Promise<string> {
  const process = processes.get(name)!;
  const { pid } = process;
  process.signal('SIGKILL');
  while (process.pid === undefined || process.pid === pid) await pause(20);
  return `${name} killed`;
}

const missing =
  (restateBinary() === undefined && noServer) || (postgresPrograms() === undefined && noPostgres);

/** Asks, and sends the same again under the same key until it is accepted, as a sender should. */
async function ask(server: Asked, n: number): Promise<{ trackingId: string; tries: number }> {
  const request = { headers: { 'idempotency-key': randomUUID() }, body: questionBody(n) };
  for (let tries = 1; ; tries++) {
    const response = await postQuestion(server, n, request).catch(() => undefined);
    const text = (await response?.text().catch(() => '')) ?? '';
    if (response?.status === 202 && text !== '') {
      return { trackingId: (JSON.parse(text) as { tracking_id: string }).tracking_id, tries };
    }
    assert.ok(response === undefined || response.status >= 500 || response.status === 409, text);
    await pause(100);
  }
}

test(`in a cluster something is killed or stopped ${blows} times (seed ${seed}): nothing accepted is lost, each answer comes under one id, what is approved is executed under one key`, {
  timeout: 90_000 + blows * 45_000,
  skip: missing,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-storm-'));
  const random = seededRandom(seed);
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const receiver = await startReceiver({ secret });
  context.after(() => receiver.close());
  receiver.otherwise(() => (random() < 0.05 ? { kind: 'close_before_headers' } : answer(200)));
  const { PATH = '', HOME = '' } = process.env;
  const lines: string[] = [];
  const cluster = await startCluster({
    ...{ folder, servers: join(root, 'test', 'servers'), onLine: (line) => void lines.push(line) },
    program: [process.execPath, '--disable-warning=ExperimentalWarning', join(root, 'src', 'main.ts')],
    environment: {
      ...{ PATH, HOME, LOG_LEVEL: 'warn', SIGNALBOX_RATE_LIMIT: 'off', WEBHOOK_URL: receiver.url },
      SIGNALBOX_WEBHOOK_SECRETS: secret,
      SIGNALBOX_DELIVERY_SCHEDULE: '1s,1s,1s,1s,1s,1s,1s,1s',
    },
  });
  context.after(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
    rmSync(cluster.postgresFolder, { recursive: true, force: true });
  });
  const approvals = await startApprovals(cluster, folder, random);
  context.after(() => approvals.close());
  context.diagnostic(`ready after ${cluster.timeToReadyMs} ms`);

  const server = { url: cluster.url, output: () => lines.join('\n') };
  const accepted = new Set<string>();
  let again = 0;
  let slowestMs = 0;
  let over = false;
  const send = async () => {
    while (!over) {
      const begun = performance.now();
      const { trackingId, tries } = await ask(server, accepted.size);
      assert.ok(!accepted.has(trackingId), 'each key has a run of its own');
      accepted.add(trackingId);
      again += tries - 1;
      slowestMs = Math.max(slowestMs, performance.now() - begun);
    }
  };
  const decide = async () => {
    while (!over) await approvals.one();
  };
  const sending = Promise.all([...Array.from({ length: senders }, send), decide(), decide(), decide()]);
  const storm = async () => {
    for (let blow = 0; blow < blows && !over; blow++) {
      const before = accepted.size;
      while (accepted.size < before + 15 && !over) await pause(10);
      context.diagnostic(await kinds[blow % kinds.length]!({ cluster, approvals, random }));
      while (!over && !((await cluster.isWhole()) && (await approvals.isWhole()))) await pause(50);
    }
    over = true;
  };
  await Promise.all([storm(), sending]).finally(() => {
    over = true;
  });
  context.diagnostic(
    `${accepted.size} questions accepted, ${again} sent again, the slowest in ${Math.round(slowestMs)} ms`,
  );

  await checkAnswered(server, receiver, [...accepted]);
  for (const { body } of receiver.received) {
    const { tracking_id: trackingId } = JSON.parse(body) as { tracking_id: string };
    assert.ok(accepted.has(trackingId), 'nothing was answered that was not asked');
  }
  const seen = approvals.seen();
  checkApprovals(seen);
  const effects = [...seen.values()].flatMap((each) => each.effects);
  context.diagnostic(
    `${seen.size} approvals decided, ${new Set(effects).size} executed, ${effects.length - new Set(effects).size} of them sent again under their key`,
  );
});
