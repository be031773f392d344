import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Type from 'typebox';
import { uuidv7 } from '../../src/core/ids.ts';
import { EmbeddedEngine } from '../../src/engine/embedded/engine.ts';
import { journalRetention } from '../../src/engine/embedded/retention.ts';
import { defineFlow } from '../../src/engine/flow.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { LiveRecord } from '../../src/record/live.ts';
import { compaction } from '../../src/sqlite/compaction.ts';
import { Database } from '../../src/sqlite/database.ts';
import { inspectAtStart } from '../../src/sqlite/inspect.ts';
import { Sweeper } from '../../src/sqlite/sweeper.ts';
import { createSqliteStore } from '../../src/store/sqlite/store.ts';
import { serveJobs } from '../process/job.ts';
import { endWithUs } from '../process/processes.ts';
import { fill, idOf } from './fill.ts';

export interface GrowthJob {
  readonly folder: string;
  /** Finished runs and conversations to begin with. */
  readonly count: number;
  readonly fills: boolean;
}

export interface Growth {
  readonly openMs: number;
  readonly acceptedPerSecond: number;
  readonly acceptP99Ms: number;
  readonly listMs: number;
  readonly filteredListMs: number;
  readonly lookupMs: number;
  readonly countsMs: number;
  /** While `signalbox backup` reads the file. */
  readonly backup: { readonly acceptP99Ms: number; readonly seconds: number };
  /** While retention goes on. */
  readonly retention: { readonly acceptP99Ms: number; readonly removed: number; readonly seconds: number };
}

const quick = defineFlow({
  name: 'quick',
  version: 1,
  concurrency: 1_024,
  input: Type.Object({ query: Type.String() }),
  output: Type.Unknown(),
  run: (step) => step.run('answer', () => 'It is open.'),
});

serveJobs<GrowthJob, Growth | null>(async ({ folder, count, fills }) => {
  if (!fills) return measure(folder, count);
  fill(folder, count);
  return null;
});

async function measure(folder: string, count: number): Promise<Growth> {
  const opened = performance.now();
  const database = new Database(join(folder, 'signalbox.sqlite'));
  inspectAtStart(database);
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {}, limit: 10 }));
  const { writeFacts } = store;
  const engine = new EmbeddedEngine({ database, flows: [quick], writeFacts, observer: silentObserver });
  engine.recover();
  await store.recentAnswerTimesMs('general', 200);
  const openMs = performance.now() - opened;
  await accept(engine, 2_000);
  const { perSecond, p99Ms } = await accept(engine, 20_000);
  const random = () => Math.ceil(Math.random() * count);
  const listMs = await each(500, () => store.conversations({ limit: 50 }));
  const filteredListMs = await each(500, (n) =>
    store.conversations({
      limit: 50,
      sourceSystem: `bench ${n % 50}`,
      after: `${Date.now() - Math.floor(Math.random() * 60 * 86_400_000)}.1`,
    }),
  );
  const lookupMs = await each(5_000, async () => {
    const id = idOf(random());
    await Promise.all([store.conversation(id), engine.get(id)]);
  });
  const countsMs = await each(10, () => store.counts());
  const backup = await underBackup(folder, engine);
  const retention = await underRetention(database, engine);
  await engine.stop(0);
  database.close();
  return {
    ...{ openMs, acceptedPerSecond: perSecond, acceptP99Ms: p99Ms },
    ...{ listMs, filteredListMs, lookupMs, countsMs, backup, retention },
  };
}

/** Accepts that many requests, 64 at once. */
async function accept(engine: EmbeddedEngine, count: number): Promise<{ perSecond: number; p99Ms: number }> {
  const latencies: number[] = [];
  const begun = performance.now();
  const sender = async () => {
    while (latencies.length < count) {
      const sent = performance.now();
      const runId = uuidv7();
      await engine.start(
        quick,
        { query: 'What is the deal status for IXIS?' },
        { runId, facts: [received(runId)] },
      );
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: 64 }, sender));
  const perSecond = latencies.length / ((performance.now() - begun) / 1_000);
  return { perSecond, p99Ms: latencies.sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)]! };
}

function received(subject: string) {
  const names = { sourceSystem: 'bench 1', sourceProcess: 'questions', webhookType: 'general' };
  const ids = { conversationId: 'c', deliveryId: subject };
  const data = { ...ids, ...names, query: 'What is the deal status for IXIS?', timestamp: '', extra: {} };
  return { type: 'WEBHOOK_REQUEST_RECEIVED', subject, data } as const;
}

async function underBackup(folder: string, engine: EmbeddedEngine): Promise<Growth['backup']> {
  const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const file = `${folder}.backup`;
  const flags = ['--disable-warning=ExperimentalWarning'];
  const begun = performance.now();
  const child = spawn(process.execPath, [...flags, program, 'backup', file, '--replace'], {
    env: { PATH: process.env.PATH, SIGNALBOX_DATA_DIR: folder },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  endWithUs(child);
  const exited = once(child, 'exit');
  const { p99Ms } = await accept(engine, 60_000);
  const [code] = await exited;
  rmSync(file, { force: true });
  if (code !== 0) throw new Error(`The backup ended with ${code}.`);
  return { acceptP99Ms: p99Ms, seconds: (performance.now() - begun) / 1_000 };
}

async function underRetention(database: Database, engine: EmbeddedEngine): Promise<Growth['retention']> {
  const tasks = [journalRetention({ keepMs: 30 * 86_400_000 }), compaction()];
  const sweeper = new Sweeper({ database, tasks });
  const runs = () => database.get<{ n: number }>('SELECT count(*) AS n FROM runs')!.n;
  const [before, begun] = [runs(), performance.now()];
  const sweep = sweeper.sweep();
  const accepted = 60_000;
  const { p99Ms } = await accept(engine, accepted);
  const seconds = (performance.now() - begun) / 1_000;
  sweeper.stop();
  await sweep;
  return { acceptP99Ms: p99Ms, removed: before + accepted - runs(), seconds };
}

/** The mean time of each of so many calls, in milliseconds. */
async function each(times: number, work: (n: number) => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  for (let n = 0; n < times; n++) await work(n);
  return (performance.now() - begun) / times;
}
