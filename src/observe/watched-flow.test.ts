import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Type } from 'typebox';
import { EmbeddedEngine } from '../engine/embedded/engine.ts';
import { defineFlow, type Flow } from '../engine/flow.ts';
import { silentObserver } from '../engine/observer.ts';
import { Database } from '../sqlite/database.ts';
import { type FlowWatcher, watchedFlow } from './watched-flow.ts';

/** Runs of an engine that replays a run from its beginning before each of its steps, or never. */
async function told(alwaysReplay: boolean): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-watched-'));
  const lines: string[] = [];
  const watcher: FlowWatcher = {
    attempted: ({ step, key, attempt, error, facts }) =>
      lines.push(
        `${step} ${key.split('/')[1]}.${attempt} ${error === undefined ? 'ok' : 'failed'} ${facts.length}`,
      ),
    waited: ({ kind, name, occurrence }) => lines.push(`${kind} ${name} ${occurrence}`),
    ended: ({ flow, error }) => lines.push(`${flow} ${error === undefined ? 'ok' : 'failed'}`),
  };
  const any = { version: 1, input: Type.Unknown(), output: Type.Unknown() };
  const child = watchedFlow(
    defineFlow({ name: 'child', ...any, run: (step) => step.run('in the child', () => 1) }),
    [watcher],
  );
  const flow = watchedFlow(
    defineFlow({
      name: 'parent',
      ...any,
      async run(step) {
        await step.run('first', (context) => {
          context.record({ type: 'T', subject: 's', data: {} });
        });
        await step.sleep('nap', 1);
        await step.sleep('nap', 1);
        await step.run(
          'flaky',
          ({ attempt }) => {
            if (attempt === 1) throw new Error('once');
            return attempt;
          },
          { retry: { maxAttempts: 2, delaysMs: [1] } },
        );
        await step.waitForSignal('go', { timeoutMs: 1 });
        await step.call('child', child, null);
        throw new Error('at the end');
      },
    }),
    [watcher],
  );
  const database = new Database(join(folder, 'journal.sqlite'));
  const flows = [flow, child] as unknown as Flow<never>[];
  const engine = new EmbeddedEngine({
    database,
    flows,
    writeFacts: () => {},
    observer: silentObserver,
    alwaysReplay,
  });
  const { runId } = await engine.start(flow, null);
  await engine.wait(runId);
  await engine.stop(1_000);
  database.close();
  rmSync(folder, { recursive: true });
  return lines;
}

for (const alwaysReplay of [false, true]) {
  test(`what is done is told once, ${alwaysReplay ? 'however often it is replayed' : 'without a replay'}`, async () => {
    assert.deepEqual(await told(alwaysReplay), [
      'first 0.1 ok 1',
      'sleep nap 1',
      'sleep nap 2',
      'flaky 3.1 failed 0',
      'flaky 3.2 ok 0',
      'in the child 0.1 ok 0',
      'child ok',
      'signal go 1',
      'call child 1',
      'parent failed',
    ]);
  });
}
