import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Cluster, startCluster } from '../../src/cluster/cluster.ts';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { noPostgres, postgresPrograms } from '../fixtures/postgres-server.ts';
import { answer, startReceiver } from '../fixtures/receiver.ts';
import { noServer, restateBinary } from '../fixtures/restate-server.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const blows = Number(process.env.CHAOS_KILLS ?? 3);
const senders = Number(process.env.CHAOS_SENDERS ?? 3);
const root = join(import.meta.dirname, '..', '..');

/** The order of a life; each of these once. */
const life = [
  'WEBHOOK_REQUEST_RECEIVED',
  'WEBHOOK_MANAGER_AGENT_INVOKED',
  'WEBHOOK_MANAGER_AGENT_RESPONSE',
  'WEBHOOK_RESPONSE_CLASSIFIED',
  'WEBHOOK_OUTBOUND_QUEUED',
  'WEBHOOK_DELIVERY_SUCCESS',
  'WEBHOOK_CONVERSATION_COMPLETED',
];

/** What the storm does, in turn; each ends when the next may begin. */
const kinds: readonly ((cluster: Cluster, random: () => number) => Promise<string>)[] = [
  (cluster, random) => kill(cluster, `restate-${1 + Math.floor(random() * 3)}`),
  (cluster, random) => kill(cluster, `worker-${1 + Math.floor(random() * 2)}`),
  (cluster, random) => kill(cluster, `gateway-${1 + Math.floor(random() * 2)}`),
  async ({ postgres }, random) => {
    const how = random() < 0.5 ? 'fast' : 'kill';
    await postgres.stop(how);
    await postgres.start();
    return `postgres restarted after ${how}`;
  },
  async ({ processes }, random) => {
    const node = processes.get(`restate-${1 + Math.floor(random() * 3)}`)!;
    node.signal('SIGSTOP');
    await pause(2_000);
    node.signal('SIGCONT');
    return `${node.name} stopped for 2 s`;
  },
];

async function kill({ processes }: Cluster, name: string): Promise<string> {
  const process = processes.get(name)!;
  const { pid } = process;
  process.signal('SIGKILL');
  while (process.pid === undefined || process.pid === pid) await pause(20);
  return `${name} killed`;
}

const missing =
  (restateBinary() === undefined && noServer) || (postgresPrograms() === undefined && noPostgres);

/** Asks, and sends the same again under the same key until it is accepted, as a sender should. */
async function ask(url: string): Promise<{ trackingId: string; tries: number }> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
  const body = JSON.stringify({
    query: 'How many accounts are there?',
    source_system: 'chaos',
    source_process: 'cluster',
    timestamp: new Date().toISOString(),
  });
  for (let tries = 1; ; tries++) {
    const response = await fetch(`${url}/webhook`, { method: 'POST', headers, body }).catch(() => undefined);
    const text = (await response?.text().catch(() => '')) ?? '';
    if (response?.status === 202 && text !== '') {
      return { trackingId: (JSON.parse(text) as { tracking_id: string }).tracking_id, tries };
    }
    assert.ok(response === undefined || response.status >= 500 || response.status === 409, text);
    await pause(100);
  }
}

async function eventTypes(url: string, trackingId: string): Promise<string[]> {
  const response = await fetch(`${url}/webhook/${trackingId}/events`, {
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  return [...text.matchAll(/^data: (.*)$/gm)].map(
    (match) => (JSON.parse(match[1]!) as { event_type: string }).event_type,
  );
}

test(`in a cluster something is killed or stopped ${blows} times (seed ${seed}): nothing accepted is lost, each answer comes under one id`, {
  timeout: 90_000 + blows * 45_000,
  skip: missing,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-storm-'));
  const random = seededRandom(seed);
  const receiver = await startReceiver();
  context.after(() => receiver.close());
  receiver.otherwise(() => (random() < 0.05 ? { kind: 'close_before_headers' } : answer(200)));
  const { PATH = '', HOME = '' } = process.env;
  const lines: string[] = [];
  const cluster = await startCluster({
    ...{ folder, servers: join(root, 'test', 'servers'), onLine: (line) => void lines.push(line) },
    program: [process.execPath, '--disable-warning=ExperimentalWarning', join(root, 'src', 'main.ts')],
    environment: {
      ...{ PATH, HOME, LOG_LEVEL: 'warn', SIGNALBOX_RATE_LIMIT: 'off' },
      ...{ WEBHOOK_URL: receiver.url, SIGNALBOX_DELIVERY_SCHEDULE: '1s,1s,1s,1s,1s,1s,1s,1s' },
    },
  });
  context.after(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
    rmSync(cluster.postgresFolder, { recursive: true, force: true });
  });
  context.diagnostic(`ready after ${cluster.timeToReadyMs} ms`);

  const accepted = new Set<string>();
  let again = 0;
  let slowestMs = 0;
  let over = false;
  const send = async () => {
    while (!over) {
      const begun = performance.now();
      const { trackingId, tries } = await ask(cluster.url);
      assert.ok(!accepted.has(trackingId), 'each key has a run of its own');
      accepted.add(trackingId);
      again += tries - 1;
      slowestMs = Math.max(slowestMs, performance.now() - begun);
    }
  };
  const sending = Promise.all(Array.from({ length: senders }, send));
  for (let blow = 0; blow < blows; blow++) {
    const before = accepted.size;
    while (accepted.size < before + 15) await pause(10);
    context.diagnostic(await kinds[blow % kinds.length]!(cluster, random));
    while (!(await cluster.isWhole())) await pause(50);
  }
  over = true;
  await sending;
  context.diagnostic(
    `${accepted.size} questions accepted, ${again} sent again, the slowest in ${Math.round(slowestMs)} ms`,
  );

  for (const trackingId of accepted) {
    const types = await eventTypes(cluster.url, trackingId);
    assert.deepEqual(
      types.filter((type) => type !== 'WEBHOOK_DELIVERY_FAILED'),
      life,
      `the record of ${trackingId}`,
    );
  }
  const webhookIds = new Map<string, Set<string>>();
  for (const { body, headers } of receiver.received) {
    const { tracking_id: trackingId } = JSON.parse(body) as { tracking_id: string };
    webhookIds.set(trackingId, (webhookIds.get(trackingId) ?? new Set()).add(String(headers['webhook-id'])));
  }
  for (const trackingId of accepted) {
    assert.equal(webhookIds.get(trackingId)?.size, 1, `${trackingId} was delivered under one webhook-id`);
  }
  assert.equal(webhookIds.size, accepted.size, 'nothing was answered that was not asked');
});
