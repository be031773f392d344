import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { until } from '../../test/fixtures/until.ts';
import { SignalboxError } from '../core/errors.ts';
import { testObjects } from './contract.ts';
import { createFolderObjects } from './folder.ts';
import { type CircuitChange, GuardedObjects } from './guarded.ts';
import type { Objects } from './objects.ts';

function folder() {
  const path = mkdtempSync(join(tmpdir(), 'signalbox-guarded-'));
  return { path, objects: createFolderObjects(path), close: async () => rmSync(path, { recursive: true }) };
}

testObjects('guarded', async () => {
  const { objects, close } = folder();
  return { objects: new GuardedObjects(objects, { name: 'here' }), close };
});

/** A store that can be away, and what was asked of it. */
function guarded(context: TestContext, timeoutMs?: number) {
  const { objects, close } = folder();
  const state = { isAway: false, asked: [] as string[], now: 0, changes: [] as CircuitChange[] };
  const asked =
    <A extends unknown[], T>(what: string, work: (...args: A) => Promise<T>) =>
    async (...args: A) => {
      state.asked.push(what);
      if (state.isAway) throw new SignalboxError('storage_failed', 'Gone fishing.');
      return await work(...args);
    };
  const away: Objects = {
    put: asked('put', objects.put),
    get: asked('get', objects.get),
    read: asked('read', objects.read),
    delete: asked('delete', objects.delete),
    list: asked('list', objects.list),
    location: objects.location,
  };
  const guard = new GuardedObjects(away, {
    name: 's3://bucket/',
    onChange: (change) => state.changes.push(change),
    ...(timeoutMs === undefined ? { clock: () => state.now } : { timeoutMs }),
  });
  context.after(async () => {
    guard.close();
    await close();
  });
  return { guard, state };
}

describe('a guard of objects', () => {
  test('after five failures in a row nobody is made to wait for a store, and what works goes on', async (context) => {
    const { guard, state } = guarded(context);
    await guard.put('there', 'x');
    state.isAway = true;
    for (let n = 0; n < 5; n++) await assert.rejects(guard.put('k', 'x'), { message: 'Gone fishing.' });
    assert.equal(guard.shutForMs(), 60_000);
    state.now = 1_000;
    const count = state.asked.length;
    await assert.rejects(guard.put('k', 'x'), {
      code: 'storage_failed',
      retryAfterMs: 59_000,
      message: /s3:\/\/bucket\/ fails to write, and is not asked for now. The last time: Gone fishing./,
    });
    assert.equal(state.asked.length, count);
    assert.match(guard.problem()!.message, /fails to write: Gone fishing/);
    assert.deepEqual(guard.open(), [{ url: 's3://bucket/', state: 'open' }]);
    state.isAway = false;
    assert.equal((await guard.get('there'))?.toString(), 'x');
  });

  test('what is said of a key or a version is no failure of the store', async (context) => {
    const { guard } = guarded(context);
    for (let n = 0; n < 6; n++) await assert.rejects(guard.put('../k', 'x'), { code: 'invalid_request' });
    for (let n = 0; n < 6; n++)
      await assert.rejects(guard.put('k', 'x', { expects: 'v' }), { code: 'object_changed' });
    assert.equal(guard.problem(), undefined);
  });

  test('it finds out by itself that the store is back, leaves nothing there, and says both once', async (context) => {
    const { guard, state } = guarded(context, 30);
    state.isAway = true;
    for (let n = 0; n < 5; n++) await assert.rejects(guard.put('k', 'x'));
    await until(
      async () => state.asked.length,
      (count) => count >= 7,
    );
    state.isAway = false;
    await until(
      async () => guard.problem(),
      (problem) => problem === undefined,
    );
    await until(
      async () => state.asked.at(-1),
      (last) => last === 'delete',
    );
    assert.deepEqual(await guard.list(''), []);
    assert.deepEqual(
      state.changes.map(({ kind, to }) => [kind, to]),
      [
        ['write', 'open'],
        ['write', 'closed'],
      ],
    );
  });
});
