import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ErrorCode, SignalboxError } from '../../core/errors.ts';
import type { Warehouse } from './warehouse.ts';

/** A warehouse to try, and the way to change its data that readers of it would see in production. */
export interface WarehouseUnderTest {
  readonly warehouse: Warehouse;
  /** Runs these statements against the data as one change. */
  write(statements: readonly string[]): Promise<void>;
  release(): Promise<void>;
}

const fails = (code: ErrorCode, message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SignalboxError, String(error));
  assert.equal(error.code, code, error.message);
  if (message !== undefined) assert.match(error.message, message);
  return true;
};

const deals = [
  "INSERT INTO opportunities (opportunity_id, account_id, stage, amount, close_date) VALUES ('o1', 'a1', 'Won', 100.5, DATE '2026-03-31')",
  "INSERT INTO opportunities (opportunity_id, account_id, stage, amount, close_date) VALUES ('o2', 'a1', 'Lost', 50, DATE '2026-04-01')",
  "INSERT INTO opportunities (opportunity_id, account_id, stage, amount, close_date) VALUES ('o3', NULL, 'Open', NULL, NULL)",
];

/** Statements that may not run, each for a reason of its own. */
const refusedStatements = [
  '',
  '-- nothing',
  'SELECT 1; SELECT 2',
  'SELECT 1; DROP TABLE accounts',
  "INSERT INTO accounts (name) VALUES ('x')",
  "/* SELECT */ UPDATE accounts SET name = 'x'",
  'DELETE FROM accounts',
  'DROP TABLE accounts',
  'CREATE TABLE x AS SELECT 1',
  "WITH x AS (INSERT INTO accounts (name) VALUES ('x') RETURNING *) SELECT * FROM x",
  'SELECT * INTO x FROM accounts',
  'EXPLAIN ANALYZE SELECT 1',
  "SELECT getenv('HOME')",
  "SELECT name, (SELECT current_setting('threads')) FROM accounts",
];

/** What every warehouse does. `open` gives one whose canonical tables are empty. */
export function describeWarehouse(name: string, open: () => Promise<WarehouseUnderTest>): void {
  describe(`warehouse: ${name}`, () => {
    let subject: WarehouseUnderTest;
    let warehouse: Warehouse;
    before(async () => {
      subject = await open();
      warehouse = subject.warehouse;
      await subject.write(deals);
    });
    after(() => subject.release());

    it('answers a query with typed columns and rows', async () => {
      const result = await warehouse.query(
        'SELECT opportunity_id, amount, close_date, amount IS NULL AS unknown FROM opportunities ORDER BY 1',
      );
      assert.deepEqual(result.columns, [
        { name: 'opportunity_id', type: 'text' },
        { name: 'amount', type: 'number' },
        { name: 'close_date', type: 'date' },
        { name: 'unknown', type: 'boolean' },
      ]);
      assert.deepEqual(result.rows[0], {
        opportunity_id: 'o1',
        amount: 100.5,
        close_date: '2026-03-31',
        unknown: false,
      });
      assert.deepEqual(result.rows[2], {
        opportunity_id: 'o3',
        amount: null,
        close_date: null,
        unknown: true,
      });
      assert.equal(result.truncated, false);
      assert.ok(result.durationMs >= 0);
    });

    it('gives whole numbers, decimals and timestamps as the port says', async () => {
      const { rows } = await warehouse.query(
        "SELECT CAST(9007199254740991 AS BIGINT) AS whole, CAST(1.25 AS DECIMAL(10, 2)) AS decimal, TIMESTAMP '2026-08-14 09:18:33.36' AS moment",
      );
      assert.deepEqual(rows, [
        { whole: 9007199254740991, decimal: 1.25, moment: '2026-08-14T09:18:33.360Z' },
      ]);
    });

    it('takes values for parameters, never as SQL', async () => {
      const sql = 'SELECT count(*) AS n FROM opportunities WHERE account_id = $1 AND close_date >= $2';
      const count = async (parameters: readonly string[]) =>
        (await warehouse.query(sql, { parameters })).rows[0]?.n;
      assert.equal(await count(['a1', '2026-04-01']), 1);
      assert.equal(await count(["a1' OR 1=1 --", '2026-04-01']), 0);
    });

    it('wants one value for each parameter', async () => {
      await assert.rejects(
        warehouse.query('SELECT $1', { parameters: ['a', 'b'] }),
        fails('query_failed', /1 parameters?, 2 values/),
      );
    });

    it('stops at the row limit and says so', async () => {
      const sql = 'SELECT opportunity_id FROM opportunities ORDER BY 1';
      const two = await warehouse.query(sql, { rowLimit: 2 });
      assert.deepEqual([two.rows.length, two.truncated], [2, true]);
      const three = await warehouse.query(sql, { rowLimit: 3 });
      assert.deepEqual([three.rows.length, three.truncated], [3, false]);
    });

    for (const sql of refusedStatements)
      it(`refuses ${sql === '' ? 'nothing' : sql}`, async () => {
        await assert.rejects(warehouse.query(sql), fails('query_refused'));
      });

    it('gives the reason of the engine when a query fails', async () => {
      await assert.rejects(warehouse.query('SELECT nope FROM opportunities'), fails('query_failed', /nope/));
      await assert.rejects(warehouse.query('SELEC 1'), fails('query_failed', /SELEC/));
    });

    it('answers several queries at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, at) => warehouse.query('SELECT $1 AS at', { parameters: [at] })),
      );
      assert.deepEqual(
        answers.map((answer) => answer.rows[0]?.at),
        Array.from({ length: 20 }, (_, at) => at),
      );
    });

    it('does not start when the signal is already aborted', async () => {
      const reason = new Error('nobody waits any more');
      await assert.rejects(warehouse.query('SELECT 1', { signal: AbortSignal.abort(reason) }), reason);
    });

    it('lists the tables that hold data', async () => {
      const tables = await warehouse.tables();
      assert.deepEqual(
        tables.map((table) => [table.name, table.rowCount]),
        [['opportunities', 3]],
      );
      assert.deepEqual(tables[0]?.columns[0], { name: 'opportunity_id', type: 'text' });
    });

    it('has another revision, and the new rows, after a change', async () => {
      const count = async () => (await warehouse.query('SELECT count(*) AS n FROM opportunities')).rows[0]?.n;
      const revision = warehouse.revision();
      assert.equal(warehouse.revision(), revision);
      const earlier = await count();
      await subject.write(["INSERT INTO opportunities (opportunity_id) VALUES ('later')"]);
      assert.notEqual(warehouse.revision(), revision);
      assert.equal(await count(), Number(earlier) + 1);
    });
  });

  describe(`warehouse: ${name}, when things go wrong`, () => {
    const endless = 'SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b';

    it('stops a query at its time limit, and goes on answering', async () => {
      const { warehouse, release } = await open();
      const slow = Array.from({ length: 3 }, () => warehouse.query(endless, { timeoutMs: 50 }));
      for (const query of slow) await assert.rejects(query, fails('query_timeout', /50 ms/));
      assert.equal((await warehouse.query('SELECT 1 AS one')).rows[0]?.one, 1);
      await release();
    });

    it('stops a query when its caller does', async () => {
      const { warehouse, release } = await open();
      const caller = new AbortController();
      const query = warehouse.query(endless, { signal: caller.signal });
      const reason = new Error('the caller went away');
      setImmediate(() => caller.abort(reason));
      await assert.rejects(query, reason);
      await release();
    });

    it('ends running queries when it is closed, and answers no more', async () => {
      const { warehouse, release } = await open();
      const query = warehouse.query(endless);
      setImmediate(() => warehouse.close());
      await assert.rejects(query, fails('warehouse_unavailable'));
      await assert.rejects(warehouse.query('SELECT 1'), fails('warehouse_unavailable'));
      await release();
    });
  });
}
