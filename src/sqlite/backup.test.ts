import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { takeBackup } from './backup.ts';
import { compactDatabase } from './compact.ts';
import { Database } from './database.ts';
import { lockFolder } from './folder-lock.ts';
import { inspectAtStart, inspectFile } from './inspect.ts';
import { restoreBackup } from './restore.ts';

function folders(context: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'signalbox-backup-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const [dataDir, other] = [join(root, 'data'), join(root, 'other')];
  for (const folder of [dataDir, other]) mkdirSync(folder);
  const database = new Database(join(dataDir, 'signalbox.sqlite'));
  context.after(() => database.close());
  writeFileSync(join(dataDir, 'webhook-secret'), 'whsec_x\n');
  writeFileSync(join(dataDir, 'warehouse.duckdb'), Buffer.alloc(2_500_000, 7));
  return { root, dataDir, other, database, file: join(root, 'backup.sqlite') };
}

const options = { signalboxVersion: '0.0.0' };

const addRun = (database: Database, id: number) =>
  database.write((sql) =>
    sql.run(
      `INSERT INTO runs (id, run_id, flow, version, status, input, created_at) VALUES (?, ?, 'f', 1, 'queued', '{}', 1)`,
      id,
      `run ${id}`,
    ),
  );

const runsIn = (path: string) => {
  const connection = new DatabaseSync(path, { readOnly: true });
  const rows = connection.prepare('SELECT run_id FROM runs ORDER BY id').all();
  connection.close();
  return rows.map((row) => row.run_id);
};

test('a backup has what was committed before it, is whole, and is restored as it was', async (context) => {
  const { dataDir, other, database, file } = folders(context);
  await addRun(database, 1);
  const taken = takeBackup({ ...options, dataDir, file });
  await addRun(database, 2);
  assert.deepEqual(
    { runs: taken.runs, unfinished: taken.unfinishedRuns, files: taken.files },
    { runs: 1, unfinished: 1, files: ['webhook-secret', 'warehouse.duckdb'] },
  );
  assert.deepEqual(inspectFile(file).problems, []);
  const { files, putAside } = restoreBackup({ file, dataDir: other });
  assert.deepEqual([files.length, putAside], [3, []]);
  assert.deepEqual(runsIn(join(other, 'signalbox.sqlite')), ['run 1']);
  for (const name of ['webhook-secret', 'warehouse.duckdb'])
    assert.ok(readFileSync(join(other, name)).equals(readFileSync(join(dataDir, name))), name);
  const restored = new Database(join(other, 'signalbox.sqlite'));
  context.after(() => restored.close());
  inspectAtStart(restored);
  assert.equal(restored.get(`SELECT 1 FROM sqlite_schema WHERE name LIKE 'backup_%'`), undefined);
  assert.equal(restored.get<{ auto_vacuum: number }>('PRAGMA auto_vacuum')!.auto_vacuum, 2);
  assert.ok(!readdirSync(other).some((name) => /restoring|partial/.test(name)));
});

test('a backup is refused where it would do harm, and an earlier one is left as it was', async (context) => {
  const { root, dataDir, other, file } = folders(context);
  const take = (more: object) => () => takeBackup({ ...options, dataDir, file, ...more });
  assert.throws(take({ file: join(dataDir, 'signalbox.sqlite'), replace: true }), { code: 'conflict' });
  assert.throws(take({ file: join(root, 'nowhere', 'x') }), { code: 'not_found' });
  assert.throws(take({ dataDir: other }), { code: 'not_found', message: /SIGNALBOX_DATA_DIR/ });
  take({ without: ['warehouse.duckdb'] })();
  assert.throws(take({}), { code: 'conflict', message: /--replace/ });
  assert.deepEqual(take({ replace: true })().files, ['webhook-secret', 'warehouse.duckdb']);
});

test('a backup of a damaged database is not made', async (context) => {
  const { dataDir, database, file } = folders(context);
  await addRun(database, 1);
  database.run(`UPDATE runs SET status = 'waiting'`);
  assert.throws(() => takeBackup({ ...options, dataDir, file }), {
    code: 'storage_failed',
    message: /waits for nothing/,
  });
  assert.ok(!existsSync(file) && !existsSync(`${file}.partial`));
});

test('what is there is put aside only when asked, and never deleted', async (context) => {
  const { dataDir, other, database, file } = folders(context);
  await addRun(database, 1);
  takeBackup({ ...options, dataDir, file });
  restoreBackup({ file, dataDir: other });
  const restored = new Database(join(other, 'signalbox.sqlite'));
  await addRun(restored, 2);
  restored.close();
  assert.throws(() => restoreBackup({ file, dataDir: other }), { code: 'conflict', message: /--replace/ });
  const { putAside } = restoreBackup({ file, dataDir: other, replace: true });
  assert.deepEqual(runsIn(join(other, 'signalbox.sqlite')), ['run 1']);
  const before = putAside.find((name) => name.startsWith('signalbox.sqlite.before-restore-'));
  assert.deepEqual(runsIn(join(other, before!)), ['run 1', 'run 2']);
  writeFileSync(join(other, 'signalbox.sqlite'), 'damaged '.repeat(1_000));
  restoreBackup({ file, dataDir: other, replace: true });
  assert.deepEqual(runsIn(join(other, 'signalbox.sqlite')), ['run 1']);
});

test('a folder in use, a damaged backup, a newer one and any other file are not restored', async (context) => {
  const { root, dataDir, other, file } = folders(context);
  takeBackup({ ...options, dataDir, file });
  const lock = lockFolder(other);
  assert.throws(() => restoreBackup({ file, dataDir: other }), { code: 'data_dir_in_use' });
  lock.release();
  const plain = join(root, 'plain.sqlite');
  new Database(plain).close();
  const restoring = (from: string) => () => restoreBackup({ file: from, dataDir: other });
  assert.throws(restoring(plain), { code: 'conflict', message: /no backup of Signalbox/ });
  assert.throws(restoring(join(root, 'missing')), { code: 'not_found' });
  const setSchema = (version: number) => {
    const connection = new DatabaseSync(file);
    connection.exec(`PRAGMA user_version = ${version}`);
    connection.close();
  };
  setSchema(9_999);
  assert.throws(restoring(file), { code: 'schema_too_new' });
  setSchema(1);
  writeFileSync(file, readFileSync(file).fill(0xa5, 8_192, 40_960));
  assert.throws(restoring(file), /damaged|cannot be read/);
  assert.ok(!existsSync(join(other, 'signalbox.sqlite')));
});

test('compacting gives back what is free, and lets a file of an earlier version shrink by itself', async (context) => {
  const { other, root } = folders(context);
  const path = join(other, 'signalbox.sqlite');
  const old = new DatabaseSync(path);
  old.exec('CREATE TABLE filling (text TEXT)');
  for (let n = 0; n < 500; n++) old.prepare('INSERT INTO filling VALUES (?)').run('x'.repeat(4_000));
  old.exec('DELETE FROM filling');
  old.close();
  const { beforeBytes, afterBytes } = compactDatabase(other);
  assert.ok(afterBytes < beforeBytes / 10, `${beforeBytes} to ${afterBytes}`);
  const now = new DatabaseSync(path);
  assert.equal(now.prepare('PRAGMA auto_vacuum').get()!.auto_vacuum, 2);
  now.close();
  const lock = lockFolder(other);
  assert.throws(() => compactDatabase(other), { code: 'data_dir_in_use' });
  lock.release();
  assert.throws(() => compactDatabase(root), { code: 'not_found' });
});
