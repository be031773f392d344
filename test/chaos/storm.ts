import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Cluster, startCluster } from '../../src/cluster/cluster.ts';
import type { ManagedProcess } from '../../src/cluster/managed-process.ts';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { answer, type Receiver, startReceiver } from '../fixtures/receiver.ts';
import { type Approvals, checkApprovals, startApprovals } from './approvals.ts';
import { type Asked, checkAnswered, postQuestion, questionBody } from './asked.ts';
import { type DividedNetwork, divideNetwork } from './network.ts';

/**
 * A storm over a whole cluster: node storm.ts SEED BLOWS DIVIDED. Where DIVIDED is true it was started with a network of its own, and its
 * servers have one each. Says what it does, and ends with 0 when nothing was lost.
 */
const [seed, blows] = [Number(process.argv[2]), Number(process.argv[3])];
const isDivided = process.argv[4] === 'true';
const senders = 3;
const deciders = 3;
const root = join(import.meta.dirname, '..', '..');
const random = seededRandom(seed);
const say = (line: string) => void process.stdout.write(`${line}\n`);
const oneOf = (what: string, count: number) => `${what}-${1 + Math.floor(random() * count)}`;

interface Struck {
  readonly cluster: Cluster;
  readonly approvals: Approvals;
  readonly network: DividedNetwork | undefined;
}

type Blow = (struck: Struck) => Promise<string>;

/** What the storm does, in turn; each ends when the next may begin. */
const kinds: readonly Blow[] = [
  ({ cluster }) => kill(cluster.processes, oneOf('restate', 3)),
  ({ cluster }) => kill(cluster.processes, oneOf('worker', 2)),
  ...(isDivided ? [({ network }: Struck) => cutOff(network!, [oneOf('restate', 3)], 5_000)] : []),
  ({ approvals }) => kill(approvals.processes, oneOf('approver', 2)),
  ({ cluster }) => kill(cluster.processes, oneOf('gateway', 2)),
  async ({ cluster: { postgres } }) => {
    const how = random() < 0.5 ? 'fast' : 'kill';
    await postgres.stop(how);
    await postgres.start();
    return `postgres restarted after ${how}`;
  },
  async ({ cluster: { processes } }) => {
    const node = processes.get(oneOf('restate', 3))!;
    node.signal('SIGSTOP');
    await pause(2_000);
    node.signal('SIGCONT');
    return `${node.name} stopped for 2 s`;
  },
  ...(isDivided
    ? [
        ({ network }: Struck) => cutOff(network!, ['postgres'], 3_000),
        // The third alone can do nothing, and all goes on when they are back.
        ({ network }: Struck) => cutOff(network!, ['restate-1', 'restate-2'], 5_000),
      ]
    : []),
];

async function kill(processes: ReadonlyMap<string, ManagedProcess>, name: string): Promise<string> {
  const process = processes.get(name)!;
  const { pid } = process;
  process.signal('SIGKILL');
  while (process.pid === undefined || process.pid === pid) await pause(20);
  return `${name} killed`;
}

async function cutOff(network: DividedNetwork, names: readonly string[], forMs: number): Promise<string> {
  for (const name of names) network.cutOff(name);
  await pause(forMs);
  for (const name of names) network.join(name);
  return `${names.join(' and ')} cut off for ${forMs / 1_000} s`;
}

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

/** Blows fall while questions are asked and actions decided on; returns what was accepted. */
async function storm(struck: Struck): Promise<ReadonlySet<string>> {
  const { cluster, approvals } = struck;
  const accepted = new Set<string>();
  let [again, slowestMs, isOver] = [0, 0, false];
  const send = async () => {
    while (!isOver) {
      const begun = performance.now();
      const { trackingId, tries } = await ask({ url: cluster.url, output: () => '' }, accepted.size);
      assert.ok(!accepted.has(trackingId), 'each key has a run of its own');
      accepted.add(trackingId);
      again += tries - 1;
      slowestMs = Math.max(slowestMs, performance.now() - begun);
    }
  };
  const decide = async () => {
    while (!isOver) await approvals.one();
  };
  const strike = async () => {
    for (let blow = 0; blow < blows; blow++) {
      const before = accepted.size;
      while (accepted.size < before + 15) await pause(10);
      say(await kinds[blow % kinds.length]!(struck));
      while (!((await cluster.isWhole()) && (await approvals.isWhole()))) await pause(50);
    }
    isOver = true;
  };
  const many = (count: number, work: () => Promise<void>) => Array.from({ length: count }, work);
  await Promise.all([strike(), ...many(senders, send), ...many(deciders, decide)]);
  say(`${accepted.size} questions accepted, ${again} sent again, the slowest in ${Math.round(slowestMs)} ms`);
  return accepted;
}

async function check(
  { cluster, approvals }: Struck,
  receiver: Receiver,
  accepted: ReadonlySet<string>,
  lines: readonly string[],
): Promise<void> {
  await checkAnswered({ url: cluster.url, output: () => lines.join('\n') }, receiver, [...accepted]);
  for (const { body } of receiver.received) {
    const { tracking_id: trackingId } = JSON.parse(body) as { tracking_id: string };
    assert.ok(accepted.has(trackingId), 'nothing was answered that was not asked');
  }
  const seen = approvals.seen();
  checkApprovals(seen);
  const effects = [...seen.values()].flatMap((each) => each.effects);
  const { size: executed } = new Set(effects);
  say(
    `${seen.size} approvals decided, ${executed} executed, ${effects.length - executed} times again under the same key`,
  );
}

async function run(): Promise<void> {
  const names = ['restate-1', 'restate-2', 'restate-3', 'postgres'];
  const network = isDivided ? await divideNetwork(names) : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-storm-'));
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const receiver = await startReceiver({ secret });
  receiver.otherwise(() => (random() < 0.05 ? { kind: 'close_before_headers' } : answer(200)));
  const { PATH = '', HOME = '' } = process.env;
  const lines: string[] = [];
  const cluster = await startCluster({
    ...{ folder, servers: join(root, 'test', 'servers'), onLine: (line) => void lines.push(line) },
    ...(network && { network }),
    program: [process.execPath, '--disable-warning=ExperimentalWarning', join(root, 'src', 'main.ts')],
    environment: {
      ...{ PATH, HOME, LOG_LEVEL: 'warn', SIGNALBOX_RATE_LIMIT: 'off', WEBHOOK_URL: receiver.url },
      SIGNALBOX_WEBHOOK_SECRETS: secret,
      SIGNALBOX_DELIVERY_SCHEDULE: '1s,1s,1s,1s,1s,1s,1s,1s',
    },
  });
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
    rmSync(cluster.postgresFolder, { recursive: true, force: true });
  });
  const approvals = await startApprovals({ cluster, folder, address: network?.address, random });
  say(`ready after ${cluster.timeToReadyMs} ms`);
  const struck = { cluster, approvals, network };
  await check(struck, receiver, await storm(struck), lines);
  await approvals.close();
  await cluster.stop();
}

process.once('SIGTERM', () => process.exit(1));
await run();
process.exit();
