// The process that poison.test.ts starts again and again: among its runs is one that ends the process, whenever it executes.
import { join } from 'node:path';
import { flowOf } from '../../src/engine/contract/harness.ts';
import { EmbeddedEngine } from '../../src/engine/embedded/engine.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { Database } from '../../src/sqlite/database.ts';

const [folder, life, mended] = process.argv.slice(2) as [string, string, string | undefined];

const endings: Readonly<Record<string, () => unknown>> = {
  'kills the process': () => process.kill(process.pid, 'SIGKILL'),
  'throws outside': () =>
    setImmediate(() => {
      throw new Error('nobody catches this');
    }),
};

const poison = flowOf('poison', async (step, ending) => {
  await step.run('harmless', () => null);
  await step.run('harmful', () => {
    if (mended !== 'mended') endings[ending as string]!();
    return mended === 'mended' ? 'mended' : new Promise(() => {});
  });
  return 'mended';
});

// Long enough to be executing when the process dies, each time before its first step has ended.
const innocent = flowOf('innocent', async (step, input) => {
  await step.run('takes a while', () => new Promise((resolve) => setTimeout(resolve, 30)));
  return step.run('ends', () => input as object);
});

const database = new Database(join(folder, 'journal.sqlite'));
const flows = [poison, innocent];
const engine = new EmbeddedEngine({ database, flows, writeFacts: () => {}, observer: silentObserver });
if (life === '1') {
  // In one commit: none of them executes before all are there.
  await Promise.all([
    ...Array.from({ length: 10 }, (_, n) => engine.start(innocent, n)),
    ...Object.keys(endings).map((ending) => engine.start(poison, ending)),
    ...Array.from({ length: 10 }, (_, n) => engine.start(innocent, n)),
  ]);
}
engine.recover();
const { runs } = await engine.list();
if (mended === 'mended') {
  for (const run of runs.filter(({ status }) => status === 'paused')) await engine.resume(run.runId);
}
for (const { runId } of runs) await engine.wait(runId);
const ended = (await engine.list()).runs.map(({ flow, status, error, output }) => ({
  flow,
  status,
  error,
  output,
}));
process.stdout.write(JSON.stringify(ended));
await engine.stop(1_000);
database.close();
