import Type from 'typebox';
import { defineFlow } from '../../src/engine/flow.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { RestateEngine } from '../../src/engine/restate/engine.ts';
import { Latencies, type LatencySummary } from '../latency.ts';
import { serveJobs } from '../process/job.ts';
import { freePort, peakMemoryMib, waitUntil } from '../process/processes.ts';
import type { WaitingJob, WaitingOnRestate } from './waiting.ts';

const senders = 128;
const weekMs = 7 * 86_400_000;

const approval = defineFlow({
  name: 'approval',
  version: 1,
  concurrency: 1_024,
  input: Type.Object({ alert: Type.String(), analysis: Type.String() }),
  output: Type.Unknown(),
  async run(step, { alert }) {
    await step.run('ask', () => ({ asked: alert }));
    return (await step.waitForSignal('approval', { timeoutMs: weekMs })).payload;
  },
});

const oneStep = defineFlow({
  name: 'one-step',
  version: 1,
  input: Type.Number(),
  output: Type.Number(),
  run: (step, input) => step.run('one', () => input + 1),
});

/** A worker that has so many runs wait for a person, and starts others before, meanwhile and afterwards. */
serveJobs<WaitingJob, Omit<WaitingOnRestate, 'serverPeakMib'>>(async ({ ingress, admin, count }) => {
  const engine = new RestateEngine({
    ingressUrls: [`http://127.0.0.1:${ingress}`],
    adminUrl: `http://127.0.0.1:${admin}`,
    ...{ namespace: 'waiting', flows: [approval, oneStep] },
    ...{ workerHost: '127.0.0.1', workerPort: await freePort(), identityKeys: [] },
    ...{ appendFacts: async () => {}, observer: silentObserver },
  });
  await engine.open();
  await engine.registered();
  await newRuns(engine, 20);
  const before = await newRuns(engine, 300);
  const begun = performance.now();
  let isOver = false;
  const accepting = acceptAll(engine, count).finally(() => {
    isOver = true;
  });
  const meanwhile = await newRuns(engine, () => isOver);
  const runIds = await accepting;
  await waitUntil(
    'The last run',
    async () => (await engine.get(runIds.at(-1)!))?.status === 'waiting',
    600_000,
  );
  const secondsUntilAllWait = (performance.now() - begun) / 1_000;
  const withThem = await newRuns(engine, 500);
  const woken = await wake(engine, runIds);
  return {
    count,
    before,
    meanwhile,
    withThem,
    woken,
    secondsUntilAllWait,
    workerPeakMib: peakMemoryMib(process.pid),
  };
});

async function acceptAll(engine: RestateEngine, count: number): Promise<string[]> {
  const analysis = 'What was seen, what it means and what should be done about it. '.repeat(8);
  const runIds: string[] = [];
  let next = 0;
  const send = async () => {
    while (next < count)
      runIds.push((await engine.start(approval, { alert: `alert ${next++}`, analysis })).runId);
  };
  await Promise.all(Array.from({ length: senders }, send));
  return runIds;
}

/** From the start of a new run to its end, one after the other. */
async function newRuns(engine: RestateEngine, until: number | (() => boolean)): Promise<LatencySummary> {
  const latencies = new Latencies();
  const isOver = typeof until === 'number' ? (done: number) => done === until : until;
  for (let done = 0; !isOver(done); done++) {
    const begun = performance.now();
    const { output } = await engine.wait((await engine.start(oneStep, done)).runId);
    if (output !== done + 1) throw new Error(`A run ended with ${JSON.stringify(output)}.`);
    latencies.add(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return latencies.summary();
}

/** From the signal to the end of runs from anywhere. */
async function wake(engine: RestateEngine, runIds: readonly string[]): Promise<LatencySummary> {
  const latencies = new Latencies();
  const every = Math.floor(runIds.length / 100);
  for (let at = 0; at < runIds.length; at += every) {
    const begun = performance.now();
    await engine.signal(runIds[at]!, 'approval', { approved: true });
    await engine.wait(runIds[at]!);
    latencies.add(performance.now() - begun);
  }
  return latencies.summary();
}
