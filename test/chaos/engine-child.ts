// The process that the crash tests of the engine kill: it starts runs, tells which were accepted, and notes each side effect.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import Type from 'typebox';
import { EmbeddedEngine } from '../../src/engine/embedded/engine.ts';
import type { Step, StepContext, StepOptions } from '../../src/engine/engine.ts';
import { defineFlow } from '../../src/engine/flow.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { Database } from '../../src/sqlite/database.ts';
import { noteLine } from './note.ts';

const [folder, incarnation, wanted] = process.argv.slice(2) as [string, string, string];
const effects = join(folder, 'effects');

/** A side effect on the world: a line with the idempotency key and which process did it. */
function effect({ idempotencyKey }: StepContext): string {
  const key = process.env.SABOTAGE === 'other key' ? randomUUID() : idempotencyKey;
  noteLine(effects, `${key} ${incarnation}`);
  return incarnation;
}

/** A step that does the effect, and a line that its end was told to the flow: from then on it must not be done again. */
async function effectStep(step: Step, name: string, options?: StepOptions & { readonly fails: 'once' }) {
  let key: string | undefined;
  await step.run(
    name,
    (context) => {
      key = context.idempotencyKey;
      const done = effect(context);
      if (options !== undefined && context.attempt === 1) throw new Error('once');
      return options === undefined ? done : null;
    },
    options,
  );
  if (key !== undefined) noteLine(effects, `${key} recorded`);
}

const child = defineFlow({
  name: 'child',
  version: 1,
  input: Type.Number(),
  output: Type.Number(),
  run: async (step, input) => {
    await effectStep(step, 'child effect');
    return input * 2;
  },
});

const parent = defineFlow({
  name: 'parent',
  version: 1,
  concurrency: 200,
  input: Type.Object({ n: Type.Number() }),
  output: Type.Number(),
  run: async (step: Step, { n }) => {
    await effectStep(step, 'one');
    await step.sleep('a moment', n % 40);
    await Promise.all([effectStep(step, 'two'), effectStep(step, 'three')]);
    await effectStep(step, 'fails once', { fails: 'once', retry: { maxAttempts: 3, delaysMs: [10] } });
    const doubled = await step.call('ask', child, n);
    await step.start('begin', child, n);
    const signal = await step.waitForSignal('go', { timeoutMs: n % 3 === 0 ? 20 : 2_000 });
    await effectStep(step, 'last');
    return doubled + (signal.timedOut ? 0 : 1);
  },
});

const database = new Database(join(folder, 'journal.sqlite'));
database.run('CREATE TABLE IF NOT EXISTS facts (id TEXT PRIMARY KEY)');
const engine = new EmbeddedEngine({
  database,
  flows: [parent, child],
  writeFacts: (sql, facts) => {
    for (const { id } of facts) sql.run('INSERT INTO facts VALUES (?)', id);
  },
  observer: silentObserver,
  residentMs: 50,
  // Killed within milliseconds of its start again and again, by nobody's fault.
  parkAfterCrashes: null,
});
engine.recover();

let n = 0;
async function keepStarting(): Promise<void> {
  while (n < Number(wanted)) {
    n += 1;
    const { runId } = await engine.start(
      parent,
      { n },
      { facts: [{ type: 'accepted', subject: '', data: {} }] },
    );
    process.stdout.write(`accepted ${runId}\n`);
    await engine.signal(runId, 'go', n);
    process.stdout.write(`signalled ${runId}\n`);
  }
}

await Promise.all(Array.from({ length: 20 }, keepStarting));
setInterval(() => {
  const open = database.get<{ n: number }>(
    "SELECT count(*) AS n FROM runs WHERE ended_at IS NULL AND status <> 'paused'",
  )!.n;
  if (open > 0) return;
  engine.stop(1_000).then(() => {
    database.close();
    process.exit(0);
  });
}, 20);
