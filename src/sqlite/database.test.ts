import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Database } from './database.ts';
import { lockFolder } from './folder-lock.ts';
import { migrationFiles } from './migrate.ts';
import type { SyncFile } from './wal-file.ts';

const insert = (name: string) => (sql: Pick<Database, 'run'>) =>
  sql.run('INSERT INTO notes VALUES (?)', name);

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-database-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(context: TestContext, folder = temporaryFolder(context), sync?: SyncFile): Database {
  const database = new Database(join(folder, 'test.sqlite'), sync && { sync });
  context.after(() => database.close());
  database.run('CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY)');
  return database;
}

const names = (database: Pick<Database, 'all'>) =>
  database.all<{ name: string }>('SELECT name FROM notes ORDER BY rowid').map(({ name }) => name);

test('the writes of one turn are one transaction, in order, visible once it is durable', async (context) => {
  const database = open(context);
  const version = () => database.get<{ data_version: number }>('PRAGMA data_version')!.data_version;
  const before = version();
  const writes = [database.write(insert('a')), database.write(insert('b'))];
  assert.deepEqual(names(database), []);
  await Promise.all(writes);
  assert.deepEqual(names(database), ['a', 'b']);
  assert.equal(version(), before, 'only this connection has written');
});

test('a write that throws takes back what it did and nothing else', async (context) => {
  const database = open(context);
  const results = await Promise.allSettled([
    database.write(insert('a')),
    database.write((sql) => {
      insert('half')(sql);
      insert('a')(sql);
    }),
    database.write(insert('b')),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(names(database), ['a', 'b']);
});

test('row numbers of full-text search above 2^53 break no write', async (context) => {
  const database = open(context);
  database.run(
    `CREATE VIRTUAL TABLE words USING fts5(text, content='', contentless_delete=1, tokenize='ascii')`,
  );
  const rows = [1, 2, 3];
  await database.write((sql) => {
    for (const row of rows) sql.run('INSERT INTO words (rowid, text) VALUES (?, ?)', row, 'word');
  });
  for (const row of rows) {
    const { changes } = await database.write((sql) => sql.run('DELETE FROM words WHERE rowid = ?', row));
    assert.equal(changes, 1);
  }
  await assert.rejects(
    database.write(() => {
      throw new Error('taken back');
    }),
    /taken back/,
  );
  await database.write(insert('a'));
  assert.deepEqual(names(database), ['a']);
});

test('a full disk rejects the whole group with storage_failed, keeps what was there, and is over when there is room', async (context) => {
  const database = open(context);
  await database.write(insert('before'));
  const pages = database.get<{ page_count: number }>('PRAGMA page_count')!.page_count;
  database.get(`PRAGMA max_page_count = ${pages}`);
  const big = Array.from({ length: 50 }, (_, n) => database.write(insert(`${n} ${'x'.repeat(1_000)}`)));
  const results = await Promise.allSettled([database.write(insert('small')), ...big]);
  for (const result of results) {
    assert.equal(result.status, 'rejected');
    assert.equal((result as PromiseRejectedResult).reason.code, 'storage_failed');
  }
  assert.equal(database.failure?.code, 'storage_failed');
  assert.deepEqual(names(database), ['before']);
  database.get('PRAGMA max_page_count = 1000000');
  await database.write(insert('after'));
  assert.equal(database.failure, undefined);
  assert.deepEqual(names(database), ['before', 'after']);
});

/** A disk that takes as long as the test wants. */
function slowDisk() {
  const waiting: ((error: Error | null) => void)[] = [];
  const sync: SyncFile = (_, done) => void waiting.push(done);
  const finish = (error: Error | null = null) => waiting.shift()!(error);
  const begun = async () => {
    while (waiting.length === 0) await setImmediate();
  };
  return { sync, begun, finish };
}

test('nobody is told of a write before the sync that began after its commit has ended', async (context) => {
  const disk = slowDisk();
  const database = open(context, temporaryFolder(context), disk.sync);
  const told: string[] = [];
  const tell = (what: string) => () => void told.push(what);
  const write = (name: string) =>
    database
      .write((sql) => {
        insert(name)(sql);
        sql.afterCommit(tell(`committed ${name}`));
      })
      .then(tell(`written ${name}`));
  const first = write('a');
  await disk.begun();
  assert.deepEqual(names(database), ['a'], 'it is committed');
  const second = write('b');
  const read = database.read(() => tell(`read ${names(database)}`)());
  const refused = database.write(insert('a')).catch(tell('refused a'));
  for (let turn = 0; turn < 10; turn++) await setImmediate();
  assert.deepEqual(told, []);
  assert.deepEqual(names(database), ['a'], 'the next group waits for this one');
  disk.finish();
  await Promise.all([first, read]);
  assert.deepEqual(told, ['committed a', 'written a', 'read a']);
  await disk.begun();
  disk.finish();
  await Promise.all([second, refused]);
  assert.deepEqual(told.slice(3), ['committed b', 'written b', 'refused a']);
});

test('after a sync that failed nothing is written or read until the file is opened anew', async (context) => {
  const folder = temporaryFolder(context);
  const disk = slowDisk();
  const database = open(context, folder, disk.sync);
  const good = database.write(insert('good'));
  await disk.begun();
  disk.finish();
  await good;
  let told = false;
  const doubtful = database.write((sql) => {
    insert('doubtful')(sql);
    sql.afterCommit(() => {
      told = true;
    });
  });
  await disk.begun();
  const queued = database.write(insert('queued'));
  const read = database.read(names);
  disk.finish(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
  const expected = { code: 'storage_failed', message: /did not confirm it: EIO.*start again/ };
  for (const promise of [doubtful, queued, read]) await assert.rejects(promise, expected);
  await assert.rejects(database.write(insert('later')), expected);
  assert.equal(await database.lost, database.failure);
  assert.equal(told, false);
  database.close();
  const log = join(folder, 'test.sqlite-wal');
  assert.notEqual(
    statSync(log).size,
    0,
    'closing does not move a log into the file that nobody can vouch for',
  );
  const again = open(context, folder);
  assert.equal(statSync(log).size, 0, 'what is read from the log is written and synced anew');
  assert.equal(names(again)[0], 'good');
  await again.write(insert('after'));
});

test('closing while the disk is busy puts everything on it by itself', async (context) => {
  const folder = temporaryFolder(context);
  const disk = slowDisk();
  const database = open(context, folder, disk.sync);
  const first = database.write(insert('first'));
  await disk.begun();
  const second = database.write(insert('second'));
  database.close();
  await Promise.all([first, second]);
  disk.finish();
  await assert.rejects(database.read(names), { code: 'shutting_down' });
  assert.deepEqual(names(open(context, folder)), ['first', 'second']);
});

test('flushing commits what is queued and waits for the disk', async (context) => {
  const disk = slowDisk();
  const database = open(context, temporaryFolder(context), disk.sync);
  const told: string[] = [];
  const first = database.write(insert('a')).then(() => told.push('a'));
  await disk.begun();
  const second = database.write(insert('b')).then(() => told.push('b'));
  const flushed = database.flush().then(() => told.push('flushed'));
  disk.finish();
  await disk.begun();
  assert.deepEqual(told, ['a']);
  disk.finish();
  await Promise.all([first, second, flushed]);
  assert.deepEqual(told, ['a', 'b', 'flushed']);
});

test('closing writes what is queued and refuses the rest', async (context) => {
  const folder = temporaryFolder(context);
  const database = open(context, folder);
  const last = database.write(insert('last'));
  database.close();
  await last;
  await assert.rejects(database.write(insert('too late')), { code: 'shutting_down' });
  assert.deepEqual(names(open(context, folder)), ['last']);
});

test('a file of a newer version is refused', (context) => {
  const folder = temporaryFolder(context);
  open(context, folder).close();
  const other = new DatabaseSync(join(folder, 'test.sqlite'));
  other.exec('PRAGMA user_version = 9999');
  other.close();
  assert.throws(() => new Database(join(folder, 'test.sqlite')), { code: 'schema_too_new', message: /9999/ });
});

test('a file that is no database is refused with what to do', (context) => {
  const folder = temporaryFolder(context);
  assert.throws(() => new Database(folder), { code: 'storage_failed' });
});

test('a damaged file is told as one: nothing is promised, and what to do is said', (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, 'test.sqlite');
  writeFileSync(path, 'this is no database '.repeat(1_000));
  const expected = { code: 'storage_failed', message: /damaged.*put back a backup/ };
  assert.throws(() => new Database(path), expected);
  assert.throws(
    () => new Database(path),
    (error: Error) => !error.message.includes('nothing that'),
  );
  rmSync(path);
  open(context, folder).close();
  writeFileSync(path, readFileSync(path).fill(0xff, 4_096));
  assert.throws(() => new Database(path), expected);
});

test('a lock file that cannot be read is not told as another process', (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'lock.sqlite'), 'this is no database '.repeat(1_000));
  assert.throws(() => lockFolder(folder), /not a database/);
});

test('migrations are numbered from 1 without gaps', () => {
  const versions = migrationFiles().map(({ version }) => version);
  assert.deepEqual(
    versions,
    versions.map((_, index) => index + 1),
  );
});

test('a data folder has one process, and is free again when that one is gone', (context) => {
  const folder = temporaryFolder(context);
  const lock = lockFolder(folder);
  const script = `
    import { lockFolder } from ${JSON.stringify(join(import.meta.dirname, 'folder-lock.ts'))};
    try { lockFolder(${JSON.stringify(folder)}); console.log('got it'); process.kill(process.pid, 'SIGKILL'); }
    catch (error) { console.log(error.code, error.message); }`;
  const other = () =>
    spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
      {
        encoding: 'utf8',
      },
    ).stdout;
  assert.match(other(), new RegExp(`data_dir_in_use .*pid ${process.pid}`));
  lock.release();
  assert.match(other(), /got it/);
  lockFolder(folder).release();
});
