import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LiveRecord } from '../record/live.ts';
import { Database } from '../sqlite/database.ts';
import { createSqliteStore } from '../store/sqlite/store.ts';
import { KeyRing } from './key-ring.ts';
import { createKey, revokeKey } from './keys.ts';
import { Sessions } from './sessions.ts';

const start = 1_786_699_000_000;

async function open(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-sessions-'));
  const path = join(folder, 'signalbox.sqlite');
  const clock = { now: start };
  const at = () => clock.now;
  const databases: Database[] = [];
  const openProcess = async () => {
    const database = new Database(path);
    databases.push(database);
    const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
    const keys = new KeyRing({ configured: [], store, clock: at, onError: () => {} });
    await keys.look();
    const sessions = new Sessions({ store, keys, clock: at, idleMs: 60 * 60_000, lifetimeMs: 3 * 3_600_000 });
    return { store, keys, sessions, close: () => database.close() };
  };
  context.after(() => {
    for (const database of databases) database.close();
    rmSync(folder, { recursive: true });
  });
  const first = await openProcess();
  const request = { name: 'ada', scopes: ['operate'] as const, lifetimeMs: 2 * 3_600_000 };
  const { text } = await createKey(first.store, request, { name: 'me', now: start });
  await first.keys.look();
  return { ...first, clock, key: first.keys.find(text)!, openProcess };
}

test('a session outlives a restart, is kept as a hash, and has what its key has', async (context) => {
  const { sessions, store, key, close, openProcess } = await open(context);
  const { token, caller } = await sessions.begin(key, undefined);
  assert.deepEqual(caller, { ...key, session: caller.session });
  assert.match(token, /^[\w-]{43}$/);
  assert.equal(await store.session(token), undefined, 'not under what the browser has');
  close();
  const later = await openProcess();
  assert.deepEqual(await later.sessions.find(token), caller);
  for (const wrong of ['', token.slice(1), `${token}x`, 'x'.repeat(43), "'; DROP TABLE sessions; --"]) {
    assert.equal(await later.sessions.find(wrong), undefined);
  }
});

test('a session ends idle, in the end, when its key does, and by signing out', async (context) => {
  const { sessions, store, keys, key, clock } = await open(context);
  const begin = async () => (await sessions.begin(key, undefined)).token;
  const isThere = async (token: string) => (await sessions.find(token)) !== undefined;
  const idle = await begin();
  clock.now += 60 * 60_000 - 1;
  assert.ok(await isThere(idle));
  clock.now += 60 * 60_000 - 1;
  assert.ok(await isThere(idle), 'each use begins the hour anew');
  const out = await begin();
  await sessions.end(out);
  assert.ok(!(await isThere(out)));
  clock.now = start + 2 * 3_600_000;
  assert.ok(!(await isThere(idle)), 'its key has expired');
  const request = { name: 'eve', scopes: ['read'] as const, lifetimeMs: null };
  const { text, key: stored } = await createKey(store, request, { name: 'me', now: clock.now });
  await keys.look();
  const second = keys.find(text)!;
  const { token } = await sessions.begin(second, undefined);
  for (let n = 0; n < 5; n++) {
    clock.now += 30 * 60_000;
    assert.ok(await isThere(token));
  }
  clock.now += 30 * 60_000;
  assert.ok(!(await isThere(token)), 'three hours, whatever happens');
  const last = (await sessions.begin(second, undefined)).token;
  await revokeKey(store, stored.id, clock.now);
  await keys.look();
  assert.ok(!(await isThere(last)));
  const unused = await sessions.begin(second, undefined);
  clock.now += 60 * 60_000;
  assert.ok(!(await isThere(unused.token)));
});

test('signing in again begins another session and ends the one before', async (context) => {
  const { sessions, key } = await open(context);
  const first = await sessions.begin(key, undefined);
  const second = await sessions.begin(key, first.token);
  assert.notEqual(first.token, second.token);
  assert.equal(await sessions.find(first.token), undefined);
  assert.ok(await sessions.find(second.token));
});
