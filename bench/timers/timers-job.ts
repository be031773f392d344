import { join } from 'node:path';
import Type from 'typebox';
import { EmbeddedEngine } from '../../src/engine/embedded/engine.ts';
import { defineFlow } from '../../src/engine/flow.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { Database } from '../../src/sqlite/database.ts';
import { Latencies, type LatencySummary } from '../latency.ts';
import { serveJobs } from '../process/job.ts';

export interface TimersJob {
  readonly folder: string;
  /** Five-step runs that are kept going meanwhile. */
  readonly atOnce: number;
}

export interface TimersResult {
  /** From the time at which a sleep was due until its flow went on. */
  readonly late: LatencySummary;
  readonly runsPerSecond: number;
  /** How late the last of a hundred sleeps of 50 ms was, each until a time that the flow reckons from its beginning. */
  readonly lastOfAHundredMs: number;
}

const sleeps = 1_000;
const spreadMs = 4_000;
const everyMs = 50;
const late = new Latencies();
let lastOfAHundredMs = Number.NaN;

const fiveSteps = defineFlow({
  ...{ name: 'five-steps', version: 1, input: Type.Number(), output: Type.Number() },
  async run(step, input) {
    let value = input;
    for (let at = 1; at <= 5; at++) value = await step.run(`step ${at}`, () => value + 1);
    return value;
  },
});

const dueOf = new Map<string, number>();

const sleeper = defineFlow({
  ...{ name: 'sleeper', version: 1, input: Type.Number(), output: Type.Null(), concurrency: 2_000 },
  async run(step, durationMs) {
    // A replay comes here again; it was due when it first said so.
    if (!dueOf.has(step.runId)) dueOf.set(step.runId, Date.now() + durationMs);
    await step.sleep('nap', durationMs);
    late.add(Date.now() - dueOf.get(step.runId)!);
    return null;
  },
});

const metronome = defineFlow({
  ...{ name: 'metronome', version: 1, input: Type.Number(), output: Type.Null() },
  async run(step, count) {
    const begunAt = step.now();
    for (let beat = 1; beat <= count; beat++) {
      await step.sleep(`beat ${beat}`, Math.max(0, begunAt + beat * everyMs - step.now()));
    }
    lastOfAHundredMs = Date.now() - (begunAt + count * everyMs);
    return null;
  },
});

serveJobs(async ({ folder, atOnce }: TimersJob): Promise<TimersResult> => {
  const database = new Database(join(folder, 'journal.sqlite'));
  const flows = [fiveSteps, sleeper, metronome];
  const engine = new EmbeddedEngine({ database, flows, writeFacts: () => {}, observer: silentObserver });
  engine.recover();
  let over = false;
  let ended = 0;
  const load = Array.from({ length: atOnce }, async () => {
    while (!over) {
      await engine.wait((await engine.start(fiveSteps, 0)).runId);
      ended += 1;
    }
  });
  const begunAt = performance.now();
  const durations = Array.from({ length: sleeps }, (_, n) => 1_000 + (n * spreadMs) / sleeps);
  const beats = await engine.start(metronome, 100);
  const naps = await Promise.all(durations.map((durationMs) => engine.start(sleeper, durationMs)));
  for (const { runId } of [beats, ...naps]) await engine.wait(runId);
  const seconds = (performance.now() - begunAt) / 1_000;
  over = true;
  await Promise.all(load);
  await engine.stop(0);
  database.close();
  return { late: late.summary(), runsPerSecond: ended / seconds, lastOfAHundredMs };
});
