import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { Database } from '../../src/sqlite/database.ts';
import { inspectFile } from '../../src/sqlite/inspect.ts';

const child = join(import.meta.dirname, 'sweep-child.ts');
const count = 800;
/** As many are younger than the retention, and stay. */
const young = 200;

/** Runs of three operations and a signal each, and conversations of three events; all but the last ended 40 days ago. */
const rows = `
  CREATE TEMP TABLE numbers AS
    WITH RECURSIVE counted (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM counted WHERE n < ${count})
    SELECT n, 'run ' || n AS id, CASE WHEN n > ${count - young} THEN $now ELSE $now - 40 * 86400000 END AS at FROM counted;
  INSERT INTO runs (id, run_id, flow, version, status, input, output, created_at, ended_at)
    SELECT n, id, 'quick', 1, 'succeeded', json_quote(hex(zeroblob(1000))), '1', at, at FROM numbers;
  INSERT INTO operations (run, position, kind, name, status, sequence, result, started_at, ended_at)
    SELECT n, value, 'run', 'step', 'succeeded', value, '1', at, at FROM numbers, json_each('[0,1,2]');
  INSERT INTO signals (run_id, name, occurrence, payload, received_at) SELECT id, 'go', 1, '1', at FROM numbers;
  INSERT INTO conversations (id, tracking_id, conversation_id, delivery_id, status, delivery_status, complete, source_system,
      source_process, webhook_type, query_start, received_at, completed_at, attempts)
    SELECT n, id, 'c', id, 'delivered', 'delivered', 1, 's', 'p', 'general', 'q', at, at, 1 FROM numbers;
  INSERT INTO events (id, tracking_id, type, at, data)
    SELECT numbers.id || '/' || event.key, numbers.id, event.value, numbers.at, '{}' FROM numbers,
      json_each('["WEBHOOK_REQUEST_RECEIVED","WEBHOOK_DELIVERY_SUCCESS","WEBHOOK_CONVERSATION_COMPLETED"]') AS event;`;

function filled(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-sweep-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'signalbox.sqlite');
  new Database(path).close();
  const connection = new DatabaseSync(path);
  connection.exec(rows.replaceAll('$now', String(Date.now())));
  connection.close();
  return path;
}

/** Whether it was killed. */
function sweep(path: string, killAt?: string, sabotage = false): boolean {
  const env = {
    ...process.env,
    ...(killAt !== undefined && { KILL_AT: killAt }),
    ...(sabotage && { SABOTAGE: 'yes' }),
  };
  const args = ['--disable-warning=ExperimentalWarning', child, path];
  const { status, signal, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  const killed = signal === 'SIGKILL';
  assert.ok(killed || status === 0, stderr);
  return killed;
}

/** What is half there, in words; and how much is whole. */
function look(path: string) {
  const { problems } = inspectFile(path);
  const connection = new DatabaseSync(path, { readOnly: true });
  const number = (sql: string) => Number(Object.values(connection.prepare(sql).get()!)[0]);
  const runs = number('SELECT count(*) FROM runs');
  const conversations = number('SELECT count(*) FROM conversations');
  const parts = {
    operations: number('SELECT count(*) FROM operations') / 3,
    signals: number('SELECT count(*) FROM signals'),
  };
  const events = number('SELECT count(*) FROM events') / 3;
  connection.close();
  const halves = Object.entries(parts).filter(([, there]) => there !== runs);
  const half = halves.map(([name, there]) => `${name} of ${there} runs, not ${runs}`);
  if (events !== conversations) half.push(`events of ${events} conversations, not ${conversations}`);
  return { problems: [...problems, ...half], runs, conversations };
}

test('retention and compaction are killed in the middle of each thing they do: nothing is half removed, and the next start goes on', (context) => {
  const path = filled(context);
  const before = statSync(path).size;
  const places = [
    ...['DELETE FROM operations:10:after', 'DELETE FROM signals:10:before', 'DELETE FROM runs:70:before'],
    ...['COMMIT:0:before', 'COMMIT:0:after', 'COMMIT:1:before'],
    ...['DELETE FROM events:10:after', 'DELETE FROM conversations:70:after'],
    ...['incremental_vacuum:0:after', 'incremental_vacuum:1:before'],
  ];
  let last = look(path);
  assert.deepEqual(last, { problems: [], runs: count, conversations: count });
  for (const place of places) {
    assert.ok(sweep(path, place), `it was not killed at ${place}`);
    const now = look(path);
    assert.deepEqual(now.problems, [], `after it was killed at ${place}`);
    assert.ok(now.runs <= last.runs && now.conversations <= last.conversations);
    last = now;
  }
  assert.ok(!sweep(path));
  assert.deepEqual(look(path), { problems: [], runs: young, conversations: young });
  assert.ok(statSync(path).size < before / 2, `${statSync(path).size} of ${before} bytes`);
});

test('a piece that is not one transaction is caught', (context) => {
  const path = filled(context);
  assert.ok(sweep(path, 'DELETE FROM signals:10:before', true));
  assert.match(look(path).problems.join(), /operations of 789 runs, not 790/);
});
