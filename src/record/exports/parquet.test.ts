import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { createParquetWriter } from './parquet.ts';
import type { ExportOf } from './schemas.ts';

const row = (n: number): ExportOf<'analysis'> => ({
  export_version: '1.0',
  conversation_id: `webhook_20260814_091833_a_b_${n}`,
  tracking_id: '0199f6c1-0000-7000-8000-000000000001',
  received_at: '2026-08-14T09:18:33.360Z',
  source_system: 'it\'s "a" system, ü',
  webhook_type: 'general',
  status: 'delivered',
  delivery_status: 'delivered',
  delivery_attempts: n,
  total_time_ms: n % 2 === 0 ? null : n + 0.5,
  source_process: 'b',
  session_id: null,
  agent: 'analyst',
  query: 'line\nbreak',
  response_plain: null,
  understood: n % 3 === 0 ? null : true,
  query_length: 10,
  response_length: 0,
  tool_call_count: 0,
  event_count: 8,
  answered_at: null,
  completed_at: '2026-08-14T09:18:34.360Z',
  agent_time_ms: 1,
  answer_time_ms: 2,
  error_code: null,
  problem: null,
});

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'signalbox-parquet-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('rows become one Parquet file with typed columns that DuckDB reads in one line', async (context) => {
  const where = folder(context);
  const path = join(where, "it's.parquet");
  const writer = createParquetWriter(path);
  for (let n = 0; n < 5_000; n++) await writer.add(row(n));
  assert.ok(!readdirSync(where).includes("it's.parquet"), 'not there before it is whole');
  await writer.close();
  assert.deepEqual(readdirSync(where), ["it's.parquet"]);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
  const from = `FROM '${path.replaceAll("'", "''")}'`;
  assert.deepEqual(await ask(`SELECT count(*) AS n, sum(delivery_attempts)::BIGINT AS attempts ${from}`), [
    { n: '5000', attempts: '12497500' },
  ]);
  assert.deepEqual(
    await ask(
      `SELECT source_system, query, total_time_ms, understood, epoch_ms(received_at) AS at ${from} WHERE delivery_attempts IN (1, 6) ORDER BY delivery_attempts`,
    ),
    [
      {
        source_system: row(1).source_system,
        query: 'line\nbreak',
        total_time_ms: 1.5,
        understood: true,
        at: '1786699113360',
      },
      {
        source_system: row(1).source_system,
        query: 'line\nbreak',
        total_time_ms: null,
        understood: null,
        at: '1786699113360',
      },
    ],
  );
  // What is held in memory is a group of rows, however many there are.
  assert.deepEqual(
    await ask(`SELECT max(row_group_num_rows) AS n FROM parquet_metadata('${path.replaceAll("'", "''")}')`),
    [{ n: '4096' }],
  );
  const types = await ask(
    `DESCRIBE SELECT received_at, delivery_attempts, understood, total_time_ms, query ${from}`,
  );
  assert.deepEqual(
    types.map((column) => column.column_type),
    ['TIMESTAMP WITH TIME ZONE', 'BIGINT', 'BOOLEAN', 'DOUBLE', 'VARCHAR'],
  );
});

test('no rows are a file with columns; what is abandoned leaves nothing; a folder that is not there is an error', async (context) => {
  const where = folder(context);
  const empty = createParquetWriter(join(where, 'empty.parquet'));
  await empty.close();
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const found = await connection.runAndReadAll(`SELECT count(query) FROM '${join(where, 'empty.parquet')}'`);
  assert.deepEqual(found.getRowsJson(), [['0']]);
  const abandoned = createParquetWriter(join(where, 'abandoned.parquet'));
  await abandoned.add(row(1));
  await abandoned.abandon();
  assert.deepEqual(readdirSync(where), ['empty.parquet']);
  await assert.rejects(createParquetWriter(join(where, 'no', 'x.parquet')).close(), { code: 'ENOENT' });
});
