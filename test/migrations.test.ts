import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { EmbeddedEngine } from '../src/engine/embedded/engine.ts';
import type { Flow } from '../src/engine/flow.ts';
import { silentObserver } from '../src/engine/observer.ts';
import { LiveRecord } from '../src/record/live.ts';
import { Database } from '../src/sqlite/database.ts';
import { inspectAtStart, inspectFile } from '../src/sqlite/inspect.ts';
import { migrationFiles, schemaVersion } from '../src/sqlite/migrate.ts';
import { createSqliteStore } from '../src/store/sqlite/store.ts';
import { flows } from './fixtures/schema-flows.ts';

/**
 * Databases as the first versions left them, with runs that had not ended: `fixtures/schemas/<version>.sql`. Those of later versions are the
 * last of them with the migrations since, which stay as they were released.
 */
const folder = join(import.meta.dirname, 'fixtures', 'schemas');
const kept = readdirSync(folder).map((name) => ({
  version: Number.parseInt(name, 10),
  sql: readFileSync(join(folder, name), 'utf8'),
}));
const later = migrationFiles().filter(({ version }) => version > kept.length);
const schemas = [
  ...kept,
  ...later.slice(0, -1).map(({ version }, index) => {
    const since = later.slice(0, index + 1).map(({ sql }) => sql);
    return { version, sql: [kept.at(-1)!.sql, ...since, `PRAGMA user_version = ${version};`].join('\n') };
  }),
];
const newest = migrationFiles().at(-1)!.version;

function databaseOf(context: TestContext, sql: string): string {
  const temporary = mkdtempSync(join(tmpdir(), 'signalbox-migrations-'));
  context.after(() => rmSync(temporary, { recursive: true, force: true }));
  const path = join(temporary, 'signalbox.sqlite');
  const connection = new DatabaseSync(path);
  connection.exec(sql);
  connection.close();
  return path;
}

function open(context: TestContext, path: string) {
  const database = new Database(path);
  context.after(() => database.close());
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {}, limit: 10 }));
  const { writeFacts } = store;
  const known = flows as readonly Flow<never>[];
  const options = { database, flows: known, writeFacts, observer: silentObserver };
  // Two days after what the databases hold was written.
  const engine = new EmbeddedEngine({ ...options, clock: () => 1_790_172_800_000 });
  context.after(() => engine.stop(0));
  return { database, store, engine };
}

const released = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures', 'released-migrations.json'), 'utf8'),
) as Readonly<Record<string, Readonly<Record<string, string>>>>;

for (const [name, path] of [
  ['sqlite', '../src/sqlite/migrations'],
  ['postgresql', '../src/store/postgres/migrations'],
] as const) {
  test(`the migrations of ${name} are as they were released`, () => {
    const migrations = join(import.meta.dirname, path);
    const found = readdirSync(migrations).map((file) => {
      const hash = createHash('sha256').update(readFileSync(join(migrations, file)));
      return [file, hash.digest('hex')];
    });
    const message =
      'A database that has seen a migration does not see it again: write another one. A new one is added to fixtures/released-migrations.json with its SHA-256.';
    assert.deepEqual(Object.fromEntries(found), released[name], message);
  });
}

for (const { version, sql } of schemas) {
  test(`a database of schema ${version} is brought up to date, and its runs finish`, async (context) => {
    const path = databaseOf(context, sql);
    const { database, store, engine } = open(context, path);
    assert.equal(database.get<{ user_version: number }>('PRAGMA user_version')!.user_version, newest);
    inspectAtStart(database);
    assert.deepEqual(inspectFile(path), { schema: newest, problems: [] });
    engine.recover();
    const { runs } = await engine.list();
    const ofFlow = (flow: string) => runs.find((run) => run.flow === flow)!.runId;
    await engine.signal(ofFlow('signal'), 'go', { by: 'a person' });
    const outputs = await Promise.all(
      ['signal', 'sleep', 'parent', 'child', 'ended'].map(async (flow) => {
        const { status, output } = await engine.wait(ofFlow(flow));
        return status === 'succeeded' ? output : status;
      }),
    );
    assert.deepEqual(outputs, [
      { first: { of: 'x' }, signal: { timedOut: false, payload: { by: 'a person' } } },
      'slept',
      ['child result'],
      'child result',
      'done',
    ]);
    const idempotency = { key: 'kept', fingerprint: 'f', expiresAt: 9_999_999_999_999 };
    const ended = flows.find((flow) => flow.name === 'ended')!;
    const repeated = await engine.start(ended, 'x', { idempotency });
    assert.deepEqual([repeated.created, repeated.runId], [false, ofFlow('ended')]);
    assert.equal((await engine.list({ deadLetters: true })).runs.length, 1);
    if (version >= 2) assert.deepEqual(await store.counts(), { delivered: 1, processing: 1 });
    if (version >= 2) assert.equal((await store.disabledEndpoints()).length, 1);
    await store.follower.catchUp();
    const states = await store.projections();
    assert.ok(states.every((state) => state.behind === 0));
  });
}

test('a migration that fails leaves the database at the version before it, and is done at the next start', (context) => {
  const path = databaseOf(context, `${schemas[0]!.sql} CREATE TABLE sources (in_the_way TEXT);`);
  assert.throws(() => new Database(path), /sources already exists/);
  const connection = new DatabaseSync(path);
  assert.equal(schemaVersion(connection), 2);
  connection.exec('DROP TABLE sources');
  connection.close();
  open(context, path);
  assert.deepEqual(inspectFile(path), { schema: newest, problems: [] });
});
