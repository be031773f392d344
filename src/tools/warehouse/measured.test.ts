import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MeasuredOperation, MeasuredWarehouse, tableOf } from './measured.ts';
import type { Warehouse } from './warehouse.ts';

test('the table of a statement is the first canonical one that it reads', () => {
  assert.equal(tableOf('SELECT * FROM opportunities o JOIN accounts a ON true'), 'opportunities');
  assert.equal(tableOf('WITH recent AS (SELECT * FROM "Usage") SELECT * FROM recent'), 'usage');
  assert.equal(tableOf('SELECT 1'), 'other');
  assert.equal(tableOf('SELECT * FROM a_table_of_mine'), 'other');
});

test('each query is told of, also one that fails, and goes on as before', async () => {
  const told: MeasuredOperation[] = [];
  const inner: Warehouse = {
    async query(sql) {
      if (sql.includes('broken')) throw new Error('broken');
      return { columns: [], rows: [{ n: 1 }, { n: 2 }], truncated: false, durationMs: 1 };
    },
    tables: async () => [],
    revision: () => 'r',
    close: async () => {},
  };
  const warehouse = new MeasuredWarehouse(inner, (operation) => told.push(operation));
  assert.equal((await warehouse.query('SELECT * FROM leads')).rows.length, 2);
  await assert.rejects(warehouse.query('SELECT broken FROM leads'), /broken/);
  assert.deepEqual(
    told.map(({ durationMs, ...rest }) => rest),
    [
      { operationType: 'query', tableName: 'leads', recordCount: 2, succeeded: true },
      { operationType: 'query', tableName: 'leads', recordCount: 0, succeeded: false },
    ],
  );
});
