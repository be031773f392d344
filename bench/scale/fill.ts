import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Database } from '../../src/sqlite/database.ts';

const dayMs = 86_400_000;

/**
 * Writes `count` finished runs of three operations each, and as many delivered conversations with three events each, as the
 * product leaves them; spread over the 60 days before now, so that half of them are past their retention. One run of a hundred is
 * a dead letter.
 */
export function fill(folder: string, count: number): void {
  const path = join(folder, 'signalbox.sqlite');
  new Database(path).close();
  const connection = new DatabaseSync(path);
  connection.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; BEGIN;');
  connection.exec('CREATE TEMP TABLE numbers (n INTEGER PRIMARY KEY, at INTEGER, id TEXT)');
  connection
    .prepare(
      `INSERT INTO numbers WITH RECURSIVE counted (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM counted WHERE n < ?1)
       SELECT n, ?2 + n * ?3, printf('%08x-0000-7000-8000-%012x', n, n) FROM counted`,
    )
    .run(count, Date.now() - 60 * dayMs, Math.floor((60 * dayMs) / count));
  connection.exec(rows);
  connection.exec('COMMIT; DROP TABLE numbers; PRAGMA wal_checkpoint(TRUNCATE);');
  connection.close();
}

/** The id of the run, and of its conversation, that has that number. */
export function idOf(n: number): string {
  return `${n.toString(16).padStart(8, '0')}-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

const rows = `
  INSERT INTO runs (id, run_id, flow, version, status, input, output, created_at, ended_at)
    SELECT n, id, 'quick', 1, 'succeeded', '{"query":"What is the deal status for IXIS ' || n || '?","source":"bench"}',
      '{"response":"The deal is open and worth 120,000 dollars."}', at, at + 20 FROM numbers;
  UPDATE runs SET status = 'failed', output = NULL, error = '{"code":"step_failed","message":"The model did not answer."}'
    WHERE id % 100 = 0;
  INSERT INTO operations (run, position, kind, name, status, sequence, attempts, result, started_at, ended_at)
    SELECT n, step.value, 'run', 'step ' || step.value, 'succeeded', step.value, 1, '{"done":true}', at, at + 5
    FROM numbers, json_each('[0,1,2]') AS step;
  INSERT INTO conversations (id, tracking_id, conversation_id, delivery_id, status, delivery_status, complete, source_system,
      source_process, webhook_type, query_start, received_at, answered_at, completed_at, answer_time_ms, total_time_ms, attempts)
    SELECT n, id, 'webhook_20260814_091833_bench_questions_' || printf('%06x', n), id, 'delivered', 'delivered', 1,
      'bench ' || (n % 50), 'questions', CASE n % 4 WHEN 0 THEN 'deal_analysis' WHEN 1 THEN 'data_analysis'
        WHEN 2 THEN 'lead_analysis' ELSE 'general' END,
      'What is the deal status for IXIS?', at, at + 10, at + 20, 10, 20, 1 FROM numbers;
  INSERT INTO events (id, tracking_id, type, at, data)
    SELECT numbers.id || '/' || event.key, numbers.id, event.value, at + event.key,
      '{"conversationId":"c","deliveryId":"' || numbers.id || '","text":"' || substr(hex(zeroblob(150)), 1, 250) || '"}'
    FROM numbers, json_each('["WEBHOOK_REQUEST_RECEIVED","WEBHOOK_DELIVERY_SUCCESS","WEBHOOK_CONVERSATION_COMPLETED"]') AS event;`;
