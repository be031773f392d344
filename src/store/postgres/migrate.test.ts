import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  noPostgres,
  postgresPrograms,
  startTestPostgres,
  type TestPostgres,
} from '../../../test/fixtures/postgres-server.ts';
import type { Migration } from '../../core/migrations.ts';
import { Secret } from '../../core/secret.ts';
import { migrate, migrationFiles } from './migrate.ts';
import { openPostgres } from './open.ts';

describe('the schema in PostgreSQL', { skip: postgresPrograms() === undefined && noPostgres }, () => {
  let server: TestPostgres;
  before(async () => {
    server = await startTestPostgres();
  });
  after(() => server.close());

  const open = (url: string) => openPostgres({ url: new Secret(url), variable: 'DATABASE_URL', poolSize: 2 });
  const files = migrationFiles();
  const newest = files.at(-1)!.version;
  const next = (text: string, at = 1): Migration => ({ version: newest + at, sql: text });

  test('is made once by many processes that start at once', async () => {
    const url = await server.createDatabase();
    const databases = await Promise.all(Array.from({ length: 6 }, () => open(url)));
    const rows = await databases[0]!.read((sql) => sql.all('SELECT version FROM signalbox_schema'));
    assert.deepEqual(rows, [{ version: newest }]);
    await Promise.all(databases.map((database) => database.close()));
  });

  test('that a newer program has added to is worked with; one that it has broken is refused', async () => {
    const url = await server.createDatabase();
    const database = await open(url);
    const added = [...files, next('-- One more.\nCREATE TABLE one_more (n INTEGER)')];
    await migrate(database, added);
    await migrate(database, added);
    await (await open(url)).close();
    await migrate(database, [...added, next('-- Fewer (breaking).\nDROP TABLE one_more', 2)]);
    await assert.rejects(open(url), { code: 'schema_too_new' });
    await assert.rejects(migrate(database, added), { code: 'schema_too_new' });
    await database.close();
  });

  test('stays as it was when a step of it fails', async () => {
    const database = await open(await server.createDatabase());
    const broken = [...files, next('CREATE TABLE half (n INTEGER)'), next('CREATE TABLE (', 2)];
    await assert.rejects(migrate(database, broken), { code: 'storage_failed' });
    await migrate(database);
    const [row] = await database.read((sql) => sql.all("SELECT to_regclass('half') AS found"));
    assert.deepEqual(row, { found: null });
    await database.close();
  });

  test('a server, user or database that is not there is named, the password never', async () => {
    const url = new URL(await server.createDatabase());
    const refuses = async (change: (url: URL) => void, code: string, message: RegExp) => {
      const changed = new URL(url);
      change(changed);
      await assert.rejects(
        openPostgres({ url: new Secret(changed.href), variable: 'DATABASE_URL', patienceMs: 100 }),
        (error: Error & { code: string }) =>
          error.code === code && message.test(error.message) && !error.message.includes('correct'),
      );
    };
    await refuses(
      (changed) => (changed.pathname = '/none'),
      'config_invalid',
      /^DATABASE_URL: .*Make the database/,
    );
    await refuses(
      (changed) => (changed.password = 'wrong'),
      'config_invalid',
      /Check the user and the password/,
    );
    await refuses((changed) => (changed.port = '1'), 'storage_failed', /ECONNREFUSED/);
  });
});
