import { join } from 'node:path';
import Type from 'typebox';
import { EmbeddedEngine } from '../../src/engine/embedded/engine.ts';
import { defineFlow } from '../../src/engine/flow.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { Database } from '../../src/sqlite/database.ts';

/**
 * A process that accepts runs which wait for a person (`accept`), or takes them up from disk (`recover`), and tells in one
 * line what that took: node waiting-runs.ts accept|recover FOLDER COUNT
 */
const [what, folder, countText] = process.argv.slice(2);
const count = Number(countText);

const approval = defineFlow({
  name: 'approval',
  version: 1,
  concurrency: 1_024,
  input: Type.Object({ alert: Type.String(), analysis: Type.String() }),
  output: Type.Unknown(),
  async run(step, { alert }) {
    await step.run('ask', () => ({ asked: alert }));
    return step.waitForSignal('approval', { timeoutMs: 30 * 86_400_000 });
  },
});

const begun = performance.now();
const database = new Database(join(folder!, 'signalbox.sqlite'));
const engine = new EmbeddedEngine({
  database,
  flows: [approval],
  writeFacts: () => {},
  observer: silentObserver,
});
engine.recover();
if (what === 'accept') await acceptAll();
const readyMs = performance.now() - begun;
await settle();
const peakMib = process.resourceUsage().maxRSS / 1_024;
const wakeMs = await wakeOne();
const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
const mib = (bytes: number) => Math.round(bytes / 1_048_576);
const memory = { rssMib: mib(rss), heapMib: mib(heapUsed), externalMib: mib(external + arrayBuffers) };
console.log(
  JSON.stringify({ ...memory, peakMib: Math.round(peakMib), readyMs: Math.round(readyMs), wakeMs }),
);
await engine.stop(0);
database.close();
process.exit();

async function acceptAll(): Promise<void> {
  const analysis = 'What was seen, what it means and what should be done about it. '.repeat(8);
  for (let accepted = 0; accepted < count; accepted += 200) {
    const inputs = Array.from({ length: Math.min(200, count - accepted) }, (_, n) => ({
      alert: `alert ${accepted + n}`,
      analysis,
    }));
    await Promise.all(inputs.map((input) => engine.start(approval, input)));
  }
}

/** Until every run waits on disk and none is in memory. */
async function settle(): Promise<void> {
  for (;;) {
    const waiting = database.get<{ n: number }>(`SELECT count(*) AS n FROM runs WHERE status = 'waiting'`)!.n;
    if (waiting === count && engine.stats().resident === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function wakeOne(): Promise<number> {
  const { runs } = await engine.list({ status: 'waiting', limit: 1 });
  const signalled = performance.now();
  await engine.signal(runs[0]!.runId, 'approval', { approved: true });
  await engine.wait(runs[0]!.runId);
  return Number((performance.now() - signalled).toFixed(2));
}
