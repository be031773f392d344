import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Type } from 'typebox';
import { Database } from '../../sqlite/database.ts';
import { eventually } from '../contract/harness.ts';
import { defineFlow } from '../flow.ts';
import { silentObserver } from '../observer.ts';
import { EmbeddedEngine } from './engine.ts';

test('while nothing can be written one run alone tries again; then all go on, and none is done more often than that', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'stalled-'));
  const database = new Database(join(folder, 'journal.sqlite'));
  const gate = Promise.withResolvers<void>();
  const calls: string[] = [];
  const flow = defineFlow({
    ...{ name: 'ask', version: 1, input: Type.String(), output: Type.String() },
    run: (step, name) =>
      step.run('agent', async () => {
        calls.push(name);
        await gate.promise;
        return name.repeat(50_000);
      }),
  });
  const engine = new EmbeddedEngine({
    ...{ database, flows: [flow], writeFacts: () => {}, observer: silentObserver },
  });
  context.after(async () => {
    await engine.stop(0);
    database.close();
    rmSync(folder, { recursive: true });
  });
  const count = 8;
  const started = await Promise.all(Array.from({ length: count }, (_, n) => engine.start(flow, String(n))));
  await eventually('all have asked', () => calls.length === count);
  const pages = database.get<{ page_count: number }>('PRAGMA page_count')!.page_count;
  database.run(`PRAGMA max_page_count = ${pages + 1}`);
  gate.resolve();
  // After 1 s, and 2 s after that.
  await eventually('two have tried again', () => calls.length >= count + 2);
  assert.equal(calls.length, count + 2);
  database.run('PRAGMA max_page_count = 100000');
  // Any write that succeeds says that there is room.
  await engine.signal(started[0]!.runId, 'any', null);
  const ended = await Promise.all(started.map(({ runId }) => engine.wait(runId)));
  assert.deepEqual([...new Set(ended.map(({ status }) => status))], ['succeeded']);
  assert.ok(calls.length <= 2 * count + 3, `${calls.length} calls`);
});
