import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { createFolderObjects } from '../../objects/folder.ts';
import type { Objects } from '../../objects/objects.ts';
import { Database } from '../../sqlite/database.ts';
import { eventually } from '../contract/harness.ts';
import { defineFlow } from '../flow.ts';
import { silentObserver } from '../observer.ts';
import { EmbeddedEngine } from './engine.ts';
import type { EmbeddedOptions } from './runtime.ts';
import { Stalled } from './stalled.ts';

const temporaryFolder = () => mkdtempSync(join(tmpdir(), 'stalled-'));

/** An engine with its journal in a folder, which is removed when the test has ended. */
function open(context: TestContext, folder: string, options: Pick<EmbeddedOptions, 'flows' | 'objects'>) {
  const database = new Database(join(folder, 'journal.sqlite'));
  const engine = new EmbeddedEngine({ ...options, database, writeFacts: () => {}, observer: silentObserver });
  context.after(async () => {
    await engine.stop(0);
    database.close();
    rmSync(folder, { recursive: true });
  });
  return { database, engine };
}

test('while nothing can be written one run alone tries again; then all go on, and none is done more often than that', async (context) => {
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
  const { database, engine } = open(context, temporaryFolder(), { flows: [flow] });
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

test('while the objects are away no run does its steps again: the value that could not be kept last is tried alone', async (context) => {
  const folder = temporaryFolder();
  let isAway = true;
  const puts: string[] = [];
  const kept = createFolderObjects(join(folder, 'objects'));
  const objects: Objects = {
    ...kept,
    async put(key, body, options) {
      puts.push(key);
      if (isAway) throw new SignalboxError('storage_failed', 'The objects are away.');
      await kept.put(key, body, options);
    },
  };
  const calls: string[] = [];
  const flow = defineFlow({
    ...{ name: 'ask', version: 1, input: Type.String(), output: Type.String() },
    async run(step, name) {
      const answer = await step.run('agent', () => {
        calls.push(name);
        return name.repeat(300_000);
      });
      return answer.slice(0, 10);
    },
  });
  const { engine } = open(context, folder, { flows: [flow], objects });
  const count = 8;
  const started = await Promise.all(Array.from({ length: count }, (_, n) => engine.start(flow, String(n))));
  // After 1 s, and 2 s after that.
  await eventually('one value was tried again twice', () => puts.length === count + 2);
  assert.equal(calls.length, count);
  assert.equal(new Set(puts.slice(count - 1)).size, 1);
  assert.equal((await engine.list({ status: 'queued' })).runs.length, count);
  isAway = false;
  // Any value that is kept says that they are back.
  started.push(await engine.start(flow, 'x'));
  const ended = await Promise.all(started.map(({ runId }) => engine.wait(runId)));
  assert.deepEqual([...new Set(ended.map(({ status }) => status))], ['succeeded']);
  assert.equal(calls.length, 2 * count + 1);
});

test('one that comes again and again, though others can be written, waits longer each time', async () => {
  const [everyMs, wentOn] = [20, [] as { id: number; at: number }[]];
  const poisoned = { id: 1, flow: { name: 'ask' }, priority: 0 };
  const stalled = new Stalled({
    ...{ everyMs, backsOff: true, canWrite: () => true },
    goOn({ id }) {
      wentOn.push({ id, at: performance.now() });
      if (id === poisoned.id) stalled.add(poisoned);
    },
  });
  stalled.add(poisoned);
  await eventually('it has gone on five times', () => wentOn.length === 5);
  stalled.add({ ...poisoned, id: 2 });
  await eventually('another one goes on at once', () => wentOn.some(({ id }) => id === 2));
  const pauses = wentOn.slice(1, 5).map(({ at }, n) => at - wentOn[n]!.at);
  for (const [n, pause] of pauses.entries()) assert.ok(pause >= everyMs * 2 ** (n + 1) - 1, `${pauses}`);
});
