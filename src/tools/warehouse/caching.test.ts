import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type CachingOptions, CachingWarehouse } from './caching.ts';
import { describeWarehouse } from './contract.ts';
import { DuckDbWarehouse } from './duckdb/duckdb-warehouse.ts';
import { replaceFile } from './duckdb/replace-file.ts';
import { createLayoutSql } from './layout.ts';
import type { QueryOptions, QueryResult } from './warehouse.ts';

/** DuckDB that counts what reaches it. */
class CountingWarehouse extends DuckDbWarehouse {
  executions = 0;
  override query(sql: string, options?: QueryOptions): Promise<QueryResult> {
    this.executions += 1;
    return super.query(sql, options);
  }
}

async function openInFolder(options?: CachingOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-caching-'));
  const path = join(folder, 'warehouse.duckdb');
  const inner = new CountingWarehouse(path, { revisionIntervalMs: 0 });
  const warehouse = new CachingWarehouse(inner, options);
  return {
    inner,
    warehouse,
    write: (statements: readonly string[]) =>
      replaceFile(path, async (connection) => {
        for (const statement of [...createLayoutSql, ...statements]) await connection.run(statement);
      }),
    release: async () => {
      await warehouse.close();
      await rm(folder, { recursive: true });
    },
  };
}

describeWarehouse('DuckDB, cached', () => openInFolder());

describe('a caching warehouse', () => {
  let subject: Awaited<ReturnType<typeof openInFolder>>;
  before(async () => {
    subject = await openInFolder({ maximumEntries: 2, maximumCells: 100 });
  });
  after(() => subject.release());

  const executions = async (work: () => Promise<unknown>): Promise<number> => {
    const before = subject.inner.executions;
    await work();
    return subject.inner.executions - before;
  };
  const query = (sql: string, options?: QueryOptions) => subject.warehouse.query(sql, options);

  it('asks once for the same question', async () => {
    await query('SELECT 1 AS same');
    assert.equal(await executions(() => query('SELECT 1 AS same')), 0);
    assert.equal(await executions(() => query('SELECT 1 AS same', { rowLimit: 7 })), 1);
  });

  it('tells parameters apart, their types too', async () => {
    const ask = (value: string | number) => query('SELECT $1 AS value', { parameters: [value] });
    assert.deepEqual([(await ask(1)).rows, (await ask('1')).rows], [[{ value: 1 }], [{ value: '1' }]]);
  });

  it('asks again when the data have changed', async () => {
    const count = async () => (await query('SELECT count(*) AS n FROM accounts')).rows[0]?.n;
    assert.equal(await count(), 0);
    await subject.write(["INSERT INTO accounts (name) VALUES ('Tarn Foods')"]);
    assert.equal(await count(), 1);
  });

  it('forgets what was used least recently', async () => {
    for (const sql of ['SELECT 11', 'SELECT 12', 'SELECT 11', 'SELECT 13']) await query(sql);
    assert.equal(await executions(() => query('SELECT 11')), 0);
    assert.equal(await executions(() => query('SELECT 12')), 1);
  });

  it('does not keep a large result', async () => {
    const large = "SELECT lpad('x', 5000, 'x') AS long";
    await query(large);
    assert.equal(await executions(() => query(large)), 1);
  });

  it('does not keep what depends on the clock or on chance', async () => {
    for (const sql of ['SELECT now()', 'SELECT current_date', 'SELECT random()', 'SELECT uuid()']) {
      await query(sql);
      assert.equal(await executions(() => query(sql)), 1, sql);
    }
  });

  it('shares one execution among those who ask at the same time', async () => {
    const sql = 'SELECT sum(range) AS total FROM range(1000000)';
    assert.equal(await executions(() => Promise.all([query(sql), query(sql), query(sql)])), 1);
  });

  it('goes on for the others when one leaves', async () => {
    const sql = 'SELECT sum(range) + 1 AS total FROM range(1000000)';
    const leaving = new AbortController();
    const left = query(sql, { signal: leaving.signal });
    const stayed = query(sql);
    leaving.abort(new Error('left'));
    await assert.rejects(left, /left/);
    assert.deepEqual((await stayed).rows, [{ total: 499999500001 }]);
  });

  it('does not keep failures', async () => {
    for (const time of [1, 2]) {
      const asked = await executions(() => assert.rejects(query('SELECT nope'), { code: 'query_failed' }));
      assert.equal(asked, 1, `time ${time}`);
    }
  });
});
