import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SignalboxError } from '../../../core/errors.ts';
import { describeWarehouse } from '../contract.ts';
import { createLayoutSql } from '../layout.ts';
import { DuckDbWarehouse } from './duckdb-warehouse.ts';
import { replaceFile } from './replace-file.ts';

const write = (path: string, statements: readonly string[]) =>
  replaceFile(path, async (connection) => {
    for (const statement of [...createLayoutSql, ...statements]) await connection.run(statement);
  });

async function openInFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-warehouse-'));
  const path = join(folder, 'warehouse.duckdb');
  const warehouse = new DuckDbWarehouse(path, { revisionIntervalMs: 0 });
  return {
    folder,
    path,
    warehouse,
    write: (statements: readonly string[]) => write(path, statements),
    release: async () => {
      await warehouse.close();
      await rm(folder, { recursive: true });
    },
  };
}

describeWarehouse('DuckDB', openInFolder);

describe('a DuckDB warehouse', () => {
  let subject: Awaited<ReturnType<typeof openInFolder>>;
  before(async () => {
    subject = await openInFolder();
  });
  after(() => subject.release());

  it('is empty, with all canonical tables, when there is no file', async () => {
    assert.equal(subject.warehouse.revision(), 'missing');
    assert.deepEqual(await subject.warehouse.tables(), []);
    const { rows } = await subject.warehouse.query('SELECT count(*) AS n FROM usage');
    assert.deepEqual(rows, [{ n: 0 }]);
  });

  const refusedByFunction = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM READ_TEXT('/etc/passwd')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM read_parquet('https://example.com/a.parquet')",
    "WITH files AS (FROM glob('*')) SELECT * FROM files",
    'SELECT * FROM duckdb_secrets()',
    'SELECT * FROM duckdb_settings()',
    'SELECT * FROM pragma_database_size()',
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM sniff_csv('a.csv')",
    'SELECT "current_setting"(\'threads\')',
    "SELECT system.main.current_setting('threads')",
    "SELECT list_transform([1], lambda x: current_setting('threads'))",
    "SELECT * FROM accounts ORDER BY getvariable('x')",
    'SELECT * FROM pg_catalog.pg_settings',
    'SELECT * FROM pg_settings',
    'SELECT * FROM duckdb_settings',
    "SELECT repeat('x', 2000000000)",
    "SELECT lpad('x', 2000000000)",
    "SELECT rpad('x', (SELECT count(*)::INTEGER FROM accounts))",
    'SELECT len(range(1000000000))',
    "SELECT printf('%2000000000d', 1)",
    "SELECT format('{:2000000000}', 1)",
    "SELECT * FROM range(CASE WHEN current_setting('threads') = 1 THEN 1 ELSE 2 END)",
    "SELECT * FROM 'file.csv'",
    "FROM '/etc/passwd'",
    'FROM "https://example.com/a.parquet"',
    'DESCRIBE accounts',
    'SHOW TABLES',
    'SUMMARIZE accounts',
  ];
  const refusedByKind = [
    "COPY accounts TO '/tmp/accounts.csv'",
    "COPY (SELECT 1) TO '/tmp/one.csv'",
    "ATTACH 'other.duckdb'",
    "EXPORT DATABASE '/tmp/export'",
    "IMPORT DATABASE '/tmp/export'",
    'INSTALL httpfs',
    'LOAD httpfs',
    'SET threads = 1',
    'RESET threads',
    'PRAGMA database_list',
    'CALL pragma_version()',
    'PREPARE p AS SELECT 1',
    "CREATE SECRET (TYPE s3, KEY_ID 'a')",
    'CHECKPOINT',
    'BEGIN',
    'VACUUM',
  ];
  for (const sql of [...refusedByFunction, ...refusedByKind])
    it(`refuses ${sql}`, async () => {
      await assert.rejects(subject.warehouse.query(sql), { code: 'query_refused' });
    });

  const allowed = [
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM n',
    'FROM accounts',
    'VALUES (1)',
    "SELECT 'read_csv(x); DROP TABLE accounts' AS text -- SET threads = 1",
    'SELECT range FROM range(3)',
    'SELECT * FROM range(1000000000000) LIMIT 1',
    "SELECT lpad(1::VARCHAR, 2, '0'), printf('%05.2f', 1.5), range(0, 12)",
    'SELECT unnest([1, 2])',
    'SELECT table_name FROM information_schema.tables',
    'SELECT 1;',
  ];
  for (const sql of allowed)
    it(`runs ${sql}`, async () => {
      assert.ok((await subject.warehouse.query(sql)).columns.length > 0);
    });

  it('turns lists and structs into JSON text, and what JSON cannot say into null', async () => {
    const { rows } = await subject.warehouse.query(
      "SELECT [1, 2] AS list, {'day': DATE '2026-01-02', 'n': 1.5} AS struct, 1e308 * 10 AS much, INTERVAL 1 DAY AS span, 1 AS a, 2 AS a",
    );
    assert.deepEqual(rows, [
      { list: '[1,2]', struct: '{"day":"2026-01-02","n":1.5}', much: null, span: '1 day', a: 1, 'a:1': 2 },
    ]);
  });

  it('runs a text again with other values, also after it has failed, and after many other texts', async () => {
    const half = 'SELECT 10 / CAST($1 AS INTEGER) AS half';
    const ask = async (value: string) =>
      (await subject.warehouse.query(half, { parameters: [value] })).rows[0]?.half;
    assert.deepEqual([await ask('2'), await ask('4')], [5, 2.5]);
    await assert.rejects(ask('two'), { code: 'query_failed' });
    assert.equal(await ask('5'), 2);
    for (let n = 0; n < 250; n++) await subject.warehouse.query(`SELECT ${n} AS n`);
    assert.equal(await ask('1'), 10);
    const first = 'SELECT range FROM range(100000)';
    for (const rowLimit of [3, 5]) {
      assert.equal((await subject.warehouse.query(first, { rowLimit })).rows.length, rowLimit);
    }
  });

  it('refuses a query longer than it reads', async () => {
    const sql = `SELECT '${'x'.repeat(100_000)}'`;
    await assert.rejects(subject.warehouse.query(sql), { code: 'query_refused' });
  });

  it('does not build an endless result when the limit is small', async () => {
    const result = await subject.warehouse.query('SELECT range FROM range(1000000000000)', { rowLimit: 5 });
    assert.deepEqual(
      result.rows.map((row) => row.range),
      [0, 1, 2, 3, 4],
    );
  });

  it('runs a kept statement with values of another type, and after it has failed', async () => {
    const ask = async (value: string | number | null) =>
      (await subject.warehouse.query('SELECT $1 AS v, typeof($1) AS t', { parameters: [value] })).rows[0];
    assert.deepEqual(await ask('x'), { v: 'x', t: 'VARCHAR' });
    assert.deepEqual(await ask(7), { v: 7, t: 'BIGINT' });
    assert.deepEqual((await ask(null))?.v, null);
    const next = (value: string) =>
      subject.warehouse.query('SELECT CAST($1 AS INTEGER) + 1 AS n', { parameters: [value] });
    assert.deepEqual((await next('1')).rows, [{ n: 2 }]);
    await assert.rejects(next('one'), { code: 'query_failed' });
    assert.deepEqual((await next('2')).rows, [{ n: 3 }]);
  });

  it('tells the time anew each time a kept statement runs', async () => {
    const now = async () => Number((await subject.warehouse.query('SELECT epoch_us(now()) AS n')).rows[0]?.n);
    const first = await now();
    assert.ok(first < (await now()));
  });

  it('answers more different statements than it keeps, and the first again', async () => {
    for (const at of [...Array.from({ length: 120 }, (_, index) => index), 0])
      assert.deepEqual((await subject.warehouse.query(`SELECT ${at} AS n`)).rows, [{ n: at }]);
  });

  it('reads a statement to the end after one that was cut off at its row limit', async () => {
    const sql = 'SELECT range AS n FROM range(5000)';
    assert.equal((await subject.warehouse.query(sql, { rowLimit: 3 })).truncated, true);
    assert.equal((await subject.warehouse.query(sql, { rowLimit: 10_000 })).rows.length, 5_000);
  });
});

describe('the file of a DuckDB warehouse', () => {
  it('is read anew by a kept statement once it was replaced', async () => {
    const { warehouse, write: change, release } = await openInFolder();
    const sql = 'SELECT count(*) AS n FROM accounts WHERE name <> $1';
    const count = async () => (await warehouse.query(sql, { parameters: [''] })).rows[0]?.n;
    assert.deepEqual([await count(), await count()], [0, 0]);
    for (const expected of [1, 2, 3]) {
      await change(["INSERT INTO accounts (name) VALUES ('Tarn Foods')"]);
      assert.deepEqual([await count(), await count()], [expected, expected]);
    }
    await release();
  });

  it('is replaced under running queries, which finish on the old one', async () => {
    const { warehouse, write: change, release } = await openInFolder();
    await change(["INSERT INTO accounts (name) VALUES ('Tarn Foods')"]);
    const long = warehouse.query(
      'SELECT (SELECT count(*) FROM accounts) AS n, sum(a.range * b.range) FROM range(10000) a, range(8000) b',
    );
    await change(["INSERT INTO accounts (name) VALUES ('Alder Rail')"]);
    const short = await warehouse.query('SELECT count(*) AS n FROM accounts');
    assert.deepEqual([short.rows[0]?.n, (await long).rows[0]?.n], [2, 1]);
    await release();
  });

  it('stays as it was when a change fails, and nothing is left behind', async () => {
    const { folder, path, warehouse, write: change, release } = await openInFolder();
    await change(["INSERT INTO accounts (name) VALUES ('Tarn Foods')"]);
    const revision = warehouse.revision();
    await assert.rejects(change(['DELETE FROM accounts', 'SELECT nope']));
    assert.equal(warehouse.revision(), revision);
    assert.deepEqual(await readdir(folder), ['warehouse.duckdb']);
    assert.ok(path.endsWith('warehouse.duckdb'));
    await release();
  });

  it('has one writer at a time', async () => {
    const { path, release } = await openInFolder();
    const writes = [1, 2].map((value) =>
      replaceFile(path, (connection) => connection.run(`SELECT ${value}`)),
    );
    const outcomes = (await Promise.allSettled(writes)).map((write) =>
      write.status === 'rejected' ? write.reason.code : 'written',
    );
    assert.deepEqual(outcomes.sort(), ['conflict', 'written']);
    await release();
  });

  it('can be written again after a writer was killed', async () => {
    const { path, write: change, warehouse, release } = await openInFolder();
    const gone = 2 ** 30; // Above the largest process number that Linux gives.
    await writeFile(`${path}.lock`, String(gone));
    await writeFile(`${path}.loading`, 'half a database');
    await change(["INSERT INTO accounts (name) VALUES ('Tarn Foods')"]);
    assert.equal((await warehouse.tables())[0]?.rowCount, 1);
    await release();
  });

  it('stays as it was when its writer is killed in the middle', async () => {
    const { folder, path, warehouse, write: change, release } = await openInFolder();
    await change(["INSERT INTO accounts (name) VALUES ('Tarn Foods')"]);
    const revision = warehouse.revision();
    const module = JSON.stringify(new URL('replace-file.ts', import.meta.url).href);
    const script = `
      const { replaceFile } = await import(${module});
      await replaceFile(${JSON.stringify(path)}, async (connection) => {
        await connection.run('DELETE FROM accounts; CHECKPOINT');
        process.stdout.write('deleted');
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    const writer = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(writer.stdout, 'data');
    await assert.rejects(change([]), { code: 'conflict' });
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    assert.equal(warehouse.revision(), revision);
    assert.equal((await warehouse.tables())[0]?.rowCount, 1);
    await change(["INSERT INTO accounts (name) VALUES ('Alder Rail')"]);
    assert.equal((await warehouse.tables())[0]?.rowCount, 2);
    assert.deepEqual(await readdir(folder), ['warehouse.duckdb']);
    await release();
  });

  it('that is no database is an error that names it, until it is one', async () => {
    const { path, warehouse, write: change, release } = await openInFolder();
    await writeFile(path, 'not a database at all');
    await assert.rejects(warehouse.query('SELECT 1'), (error) => {
      assert.ok(error instanceof SignalboxError && error.code === 'warehouse_unavailable');
      assert.ok(error.message.includes(path));
      return true;
    });
    await rm(path);
    await change([]);
    assert.equal((await warehouse.query('SELECT 1 AS one')).rows[0]?.one, 1);
    await release();
  });
});
