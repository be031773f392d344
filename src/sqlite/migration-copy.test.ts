import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import type { Migration } from '../core/migrations.ts';
import { migrate, schemaVersion } from './migrate.ts';

const first = {
  version: 1,
  sql: "CREATE TABLE notes (text TEXT, old TEXT); INSERT INTO notes VALUES ('one', 'gone')",
};
const adds = {
  version: 2,
  sql: '-- Nothing here will DROP anything.\nALTER TABLE notes ADD COLUMN more TEXT',
};
const takesAway = { version: 3, sql: 'ALTER TABLE notes DROP COLUMN old' };

function begun(context: TestContext, migrations: readonly Migration[]) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-migration-'));
  const path = join(folder, 'test.sqlite');
  const connection = new DatabaseSync(path);
  connection.exec('PRAGMA journal_mode = WAL');
  context.after(() => {
    connection.close();
    rmSync(folder, { recursive: true, force: true });
  });
  assert.equal(migrate(connection, [...migrations]), undefined, 'there is nothing to lose in a new file');
  return { connection, folder, path };
}

const columns = (connection: DatabaseSync) =>
  connection
    .prepare("SELECT name FROM pragma_table_info('notes')")
    .all()
    .map(({ name }) => name);

test('before a migration that takes something away the database is copied, with what is in its log', (context) => {
  const { connection, path } = begun(context, [first]);
  connection.exec("INSERT INTO notes VALUES ('two', 'in the log')");
  const copy = migrate(connection, [first, adds, takesAway]);
  assert.equal(copy, `${path}.schema-1`);
  assert.deepEqual(columns(connection), ['text', 'more']);
  assert.equal(statSync(copy).mode & 0o777, 0o600);
  const kept = new DatabaseSync(copy, { readOnly: true });
  context.after(() => kept.close());
  assert.equal(schemaVersion(kept), 1);
  assert.deepEqual(
    kept
      .prepare('SELECT old FROM notes')
      .all()
      .map(({ old }) => old),
    ['gone', 'in the log'],
  );
});

test('one that only adds makes no copy', (context) => {
  const { connection, folder } = begun(context, [first]);
  assert.equal(migrate(connection, [first, adds]), undefined);
  assert.equal(
    readdirSync(folder).some((name) => name.includes('schema-')),
    false,
  );
});

test('without a copy nothing is migrated; a migration that fails leaves the copy', (context) => {
  const { connection, path } = begun(context, [first]);
  const copy = `${path}.schema-1`;
  mkdirSync(copy);
  assert.throws(() => migrate(connection, [first, adds, takesAway]), {
    code: 'storage_failed',
    message: /copied to .*schema-1 before it is brought up to date/,
  });
  assert.equal(schemaVersion(connection), 1);
  assert.deepEqual(columns(connection), ['text', 'old']);
  assert.equal(existsSync(`${copy}.partial`), false);
  rmSync(copy, { recursive: true });
  const fails = { version: 4, sql: 'DROP TABLE nowhere' };
  assert.throws(() => migrate(connection, [first, takesAway, fails]), /nowhere/);
  assert.ok(existsSync(copy));
  assert.equal(schemaVersion(connection), 3);
});
