import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { ManagedProcess } from '../../src/cluster/managed-process.ts';
import { startWorkerBalancer } from '../../src/cluster/worker-balancer.ts';
import { SignalboxError } from '../../src/core/errors.ts';
import { uuidv7 } from '../../src/core/ids.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { RestateEngine } from '../../src/engine/restate/engine.ts';
import { freePort } from '../fixtures/server-process.ts';
import { approvalFlow, type Decision, namespace } from './approval.ts';
import type { ApproverOptions } from './approver.ts';

/** What was seen of one action that waited for a person. */
export interface Seen {
  readonly decisions: readonly Decision[];
  /** Of those that were told that theirs counts. */
  readonly counted: readonly string[];
  /** Of the decision that the run went by. */
  readonly outcome: string;
  /** Idempotency keys of what was executed for it, in the order in which that came. */
  readonly effects: readonly string[];
}

export interface ApprovalsOptions {
  readonly cluster: Pick<Cluster, 'nodes' | 'logFolder'>;
  readonly folder: string;
  /** At which Restate reaches the workers. */
  readonly address: string | undefined;
  readonly random: () => number;
}

export interface Approvals {
  readonly processes: ReadonlyMap<string, ManagedProcess>;
  isWhole(): Promise<boolean>;
  /** Starts one and has two people decide on it, each twice, at some time or other. */
  one(): Promise<void>;
  /** What was seen of each that has ended. */
  seen(): ReadonlyMap<string, Seen>;
  close(): Promise<void>;
}

interface Noted {
  readonly decisions: readonly Decision[];
  readonly counted: string[];
  outcome?: string;
  readonly effects: string[];
}

/** Two workers on the cluster that execute what is approved, and people who decide while it storms. */
export async function startApprovals(options: ApprovalsOptions): Promise<Approvals> {
  const { cluster, folder, address = '127.0.0.1', random } = options;
  const noted = new Map<string, Noted>();
  const effects = await takeEffects(noted, random);
  const names = ['approver-1', 'approver-2'];
  const ports = await Promise.all(
    names.map(async () => ({ ready: await freePort(), worker: await freePort() })),
  );
  const at = (port: number) => `http://127.0.0.1:${port}`;
  const workers = ports.map(({ ready, worker }) => ({ url: at(worker), readyUrl: at(ready) }));
  const balancer = await startWorkerBalancer(workers, 0, address);
  const restate = {
    ingressUrls: cluster.nodes.map(({ ingressUrl }) => ingressUrl),
    adminUrl: cluster.nodes[0]!.adminUrl,
    workerUrl: balancer.url,
  };
  const { PATH = '', HOME = '' } = process.env;
  const start = (name: string, { ready: readyPort, worker: workerPort }: (typeof ports)[number]) => {
    const options: ApproverOptions = { ...restate, workerPort, readyPort, effectsUrl: effects.url };
    const script = join(import.meta.dirname, 'approver.ts');
    return new ManagedProcess({
      ...{ name, folder, environment: { PATH, HOME, RESTATE_LOGGING: 'ERROR' } },
      command: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', script, JSON.stringify(options)],
      logFile: join(cluster.logFolder, `${name}.log`),
      onEnd: () => {},
    });
  };
  const processes = new Map(names.map((name, index) => [name, start(name, ports[index]!)]));
  const flow = approvalFlow(async () => {});
  const engine = new RestateEngine({
    ...{ ...restate, namespace, flows: [flow], executes: false },
    ...{ workerHost: '127.0.0.1', workerPort: 0, identityKeys: [] },
    ...{ appendFacts: async () => {}, observer: silentObserver },
  });
  const answers = async (url: string) => (await fetch(url).catch(() => undefined))?.ok === true;
  const isWhole = async () =>
    (await Promise.all(workers.map(({ readyUrl }) => answers(readyUrl)))).every(Boolean);
  while (!(await isWhole())) await pause(20);

  let isClosed = false;
  /** As a sender should: the same again until somebody has taken it. */
  const untilTaken = async <T>(send: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await send();
      } catch (error) {
        const isAway = error instanceof SignalboxError && error.code === 'engine_unavailable';
        if (!isAway || isClosed) throw error;
        await pause(100);
      }
    }
  };
  const one = async () => {
    const runId = uuidv7();
    const decisions = ['one', 'other'].map(() => ({ id: randomUUID(), approved: random() < 0.7 }));
    const note: Noted = { decisions, counted: [], effects: [] };
    noted.set(runId, note);
    // The decisions may come before the run is there.
    await Promise.all([
      untilTaken(() => engine.start(flow, null, { runId })),
      ...[...decisions, ...decisions].map(async (decision) => {
        await pause(random() * 1_000);
        const outcome = await untilTaken(() =>
          engine.signal(runId, 'approval', { ...decision }, { occurrence: 1 }),
        ).catch(toleratingItsEnd);
        if (outcome === 'delivered' || outcome === 'kept') note.counted.push(decision.id);
      }),
    ]);
    const { status, output } = await untilTaken(() => engine.wait(runId));
    assert.equal(status, 'succeeded', runId);
    note.outcome = (output as { decision: string }).decision;
  };
  return {
    processes,
    isWhole,
    one,
    seen: () => new Map([...noted].map(([runId, note]) => [runId, { ...note, outcome: note.outcome! }])),
    async close() {
      isClosed = true;
      await engine.stop(0);
      await Promise.all([...processes.values()].map((each) => each.stop(5_000)));
      await Promise.all([balancer.close(), effects.close()]);
    },
  };
}

function toleratingItsEnd(error: unknown): undefined {
  if (error instanceof SignalboxError && error.code === 'run_ended') return;
  throw error;
}

/** Notes what is executed; now and then its answer is lost. */
async function takeEffects(noted: ReadonlyMap<string, Noted>, random: () => number) {
  const server = createServer((request, response) => {
    const note = noted.get(request.url!.slice(1))!;
    note.effects.push(String(request.headers['idempotency-key']));
    if (random() < 0.1) response.socket!.destroy();
    else response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** Each was decided once, by a decision that was taken, and executed under one key when that was an approval; else not at all. */
export function checkApprovals(all: ReadonlyMap<string, Seen>): void {
  for (const [runId, { decisions, counted, outcome, effects }] of all) {
    const decision = decisions.find(({ id }) => id === outcome);
    assert.ok(decision, `${runId} went by a decision that was made`);
    assert.ok(counted.length <= 1, `${runId}: ${counted.length} decisions were told that they count`);
    for (const id of counted) assert.equal(id, outcome, `${runId} went by the decision that counts`);
    const keys = new Set(effects);
    assert.equal(keys.size, decision.approved ? 1 : 0, `${runId} was executed under the keys ${[...keys]}`);
  }
}
