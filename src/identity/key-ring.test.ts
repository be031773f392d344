import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parseApiKeys } from '../core/api-keys.ts';
import { LiveRecord } from '../record/live.ts';
import { Database } from '../sqlite/database.ts';
import { createSqliteStore } from '../store/sqlite/store.ts';
import { KeyRing, type KeyRingOptions } from './key-ring.ts';
import { createKey, parseKeyRequest, revokeKey } from './keys.ts';

const start = 1_786_699_000_000;
const day = 86_400_000;

function open(context: TestContext, options: Partial<KeyRingOptions> = {}, configured = '') {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-keys-'));
  const database = new Database(join(folder, 'signalbox.sqlite'));
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
  const clock = { now: start };
  const errors: unknown[] = [];
  const ringOf = (own: Partial<KeyRingOptions> = options) =>
    new KeyRing({
      ...{ configured: parseApiKeys(configured), store, clock: () => clock.now },
      ...{ onError: (error) => errors.push(error), lookEveryMs: 5, ...own },
    });
  const make = (name: string, expires = 'never') =>
    createKey(store, parseKeyRequest({ name, scopes: ['read'], expires }), { name: 'me', now: clock.now });
  context.after(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  return { store, clock, errors, ringOf, make, database };
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 5_000; !holds(); await pause(2)) assert.ok(Date.now() < end, 'in time');
}

test('a key that another process makes or revokes counts here soon after', async (context) => {
  const { store, ringOf, make } = open(context);
  const ring = ringOf();
  await ring.look();
  assert.equal(ring.isEmpty, true);
  ring.begin();
  const { text, key } = await make('crm');
  assert.match(text, /^sb_[a-z2-9]{8}_[\w-]{43}$/);
  assert.ok(!JSON.stringify(await store.keys()).includes(text.slice(12)), 'only its hash is kept');
  await until(() => ring.find(text) !== undefined);
  assert.deepEqual(ring.find(text), { kind: 'key', name: 'crm', scopes: ['read'], id: key.id });
  assert.equal(ring.find(`${text}x`), undefined);
  assert.equal(ring.find(key.id), undefined);
  await revokeKey(store, 'crm', start);
  await until(() => ring.find(text) === undefined);
  assert.equal(ring.isEmpty, false, 'with the last key gone nobody may call, not everybody');
  await ring.stop();
});

test('a key counts until it expires, to the millisecond', async (context) => {
  const { clock, ringOf, make } = open(context);
  const { text, key } = await make('crm', '90d');
  assert.equal(key.expiresAt, start + 90 * day);
  const ring = ringOf();
  await ring.look();
  clock.now = start + 90 * day - 1;
  assert.ok(ring.find(text));
  assert.ok(ring.byId(key.id));
  clock.now++;
  assert.equal(ring.find(text), undefined);
  assert.equal(ring.byId(key.id), undefined);
  assert.equal(ring.isEmpty, false);
});

test('keys of SIGNALBOX_API_KEYS work beside those of the store, without one', async (context) => {
  const secret = 'k'.repeat(20);
  const { ringOf, make } = open(context, {}, `me:operate:${secret}`);
  const { text } = await make('crm');
  const ring = ringOf();
  assert.equal(ring.find(secret)?.id, 'env:me', 'before the store was read');
  await ring.look();
  assert.equal(ring.size, 2);
  assert.equal(ring.find(secret)?.name, 'me');
  assert.equal(ring.find(text)?.name, 'crm');
});

test('that keys were used is written in the background, and when the process stops', async (context) => {
  const { store, clock, ringOf, make } = open(context);
  const { text } = await make('crm');
  let writes = 0;
  const counting = {
    keys: store.keys,
    touchKeys: async (used: ReadonlyMap<string, number>) => {
      writes++;
      await store.touchKeys(used);
    },
  };
  const ring = ringOf({ store: counting });
  await ring.look();
  clock.now += 1_000;
  for (let n = 0; n < 1_000; n++) ring.find(text);
  assert.equal(writes, 0, 'never on the way of a request');
  await ring.stop();
  assert.equal(writes, 1);
  assert.equal((await store.keys())[0]?.lastUsedAt, start + 1_000);
});

test('while the store is away what was known counts, and it is said once', async (context) => {
  const { store, errors, ringOf, make } = open(context);
  const { text } = await make('crm');
  let looks = 0;
  const failing = {
    touchKeys: store.touchKeys,
    keys: async () => {
      if (++looks > 1) throw new Error('away');
      return store.keys();
    },
  };
  const ring = ringOf({ store: failing });
  await ring.look();
  ring.begin();
  await until(() => looks > 4);
  assert.equal(ring.find(text)?.name, 'crm');
  assert.equal(errors.length, 1);
  await ring.stop();
});

test('finding a key among a thousand takes microseconds, an invented one too', async (context) => {
  const { ringOf, make, database } = open(context);
  const { text } = await make('crm');
  database.run(
    `INSERT INTO api_keys (id, name, scopes, sha256, created_at, created_by)
     WITH RECURSIVE counted (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM counted WHERE n < 1000)
     SELECT 'sb_' || n, 'key ' || n, 'read', printf('%064d', n), 0, 'me' FROM counted`,
  );
  const ring = ringOf();
  await ring.look();
  assert.equal(ring.size, 1_001);
  const begun = performance.now();
  for (let n = 0; n < 10_000; n++) ring.find(n % 2 ? text : `sb_invented_${n}`);
  const each = (performance.now() - begun) / 10_000;
  assert.ok(each < 0.1, `${each} ms`);
});

test('a request for a key says every fault at once', () => {
  const faults = (body: unknown) => {
    try {
      parseKeyRequest(body);
      return [];
    } catch (error) {
      return (error as { fields: { path: string }[] }).fields.map((field) => field.path);
    }
  };
  assert.deepEqual(faults({ name: 'crm', scopes: ['ingest', 'read'], expires: '90d' }), []);
  assert.deepEqual(faults({ name: 'crm', scopes: 'ingest' }), []);
  assert.deepEqual(faults(undefined), ['/name', '/scopes']);
  assert.deepEqual(faults({ name: 'a b', scopes: [], expires: '1s', key: 'x' }), [
    '/name',
    '/scopes',
    '/expires',
    '/key',
  ]);
  assert.deepEqual(faults({ name: 'crm', scopes: ['root'], expires: 'soon' }), ['/scopes', '/expires']);
});
