import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { Database } from './database.ts';
import { inspectAtStart, inspectFile } from './inspect.ts';
import { invariants } from './invariants.ts';

/** A waiting run, one that ended, its child, a conversation: all as they should be. */
const healthy = `
  INSERT INTO runs (id, run_id, flow, version, status, input, output, error, parent, parent_position, created_at, ended_at) VALUES
    (1, 'waits', 'f', 1, 'waiting', '{}', NULL, NULL, NULL, NULL, 1, NULL),
    (2, 'ended', 'f', 1, 'succeeded', '{}', '1', NULL, NULL, NULL, 1, 2),
    (3, 'calls', 'f', 1, 'waiting', '{}', NULL, NULL, NULL, NULL, 1, NULL),
    (4, 'child', 'f', 1, 'queued', '{}', NULL, NULL, 3, 0, 1, NULL);
  INSERT INTO operations (run, position, kind, name, status, sequence, target, result, started_at, ended_at) VALUES
    (1, 0, 'signal', 'go', 'pending', NULL, '1', NULL, 1, NULL),
    (2, 0, 'run', 'a', 'succeeded', 0, NULL, '1', 1, 2),
    (2, 1, 'run', 'b', 'succeeded', 1, NULL, '1', 1, 2),
    (3, 0, 'call', 'c', 'pending', NULL, 'child', NULL, 1, NULL);
  INSERT INTO idempotency_keys VALUES ('key', 2, 'f', 9999999999999);
  INSERT INTO events (id, tracking_id, type, at, data) VALUES ('1', 'waits', 'WEBHOOK_REQUEST_RECEIVED', 1, '{}');
  INSERT INTO conversations (tracking_id, conversation_id, delivery_id, status, delivery_status, complete, source_system,
    source_process, webhook_type, query_start, received_at, attempts)
    VALUES ('waits', 'c', 'd', 'processing', 'none', 0, 's', 'p', 'general', 'q', 1, 0);`;

/** For each thing that must hold, in the order of \`invariants\`, what breaks it and nothing else. */
const breaks: readonly string[] = [
  `UPDATE runs SET ended_at = NULL WHERE id = 2`,
  `UPDATE runs SET output = NULL WHERE id = 2`,
  `UPDATE runs SET input = '{' WHERE id = 1`,
  `DELETE FROM operations WHERE run = 1`,
  `UPDATE operations SET target = 'nobody' WHERE run = 3`,
  `INSERT INTO signals VALUES ('waits', 'go', 1, 'null', 1)`,
  `UPDATE runs SET parent_position = 7 WHERE id = 4`,
  `INSERT INTO operations SELECT 99, 9, kind, name, status, 0, attempts, target, due_at, result, error, 1, 2 FROM operations WHERE run = 2 AND position = 0`,
  `UPDATE operations SET sequence = NULL WHERE run = 2 AND position = 1`,
  `UPDATE operations SET sequence = 0 WHERE run = 2`,
  `UPDATE idempotency_keys SET run = 77`,
  `UPDATE events SET type = 'OTHER'`,
  `INSERT INTO events (id, tracking_id, type, at, data) VALUES ('2', 'lost', 'WEBHOOK_REQUEST_RECEIVED', 1, '{}')`,
  `UPDATE conversations SET complete = 1`,
  `UPDATE events SET data = 'x'`,
];

function filled(context: TestContext): { path: string; change(sql: string): void } {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-inspect-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'signalbox.sqlite');
  new Database(path).close();
  const change = (sql: string) => {
    const connection = new DatabaseSync(path, { defensive: false });
    connection.exec(sql);
    connection.close();
  };
  change(healthy);
  return { path, change };
}

test('a database in which all holds has no problems', (context) => {
  const { path } = filled(context);
  assert.deepEqual(inspectFile(path).problems, []);
  assert.deepEqual(inspectFile(path, { quick: true }).problems, []);
});

test('there is a way to break each thing that must hold', () => {
  assert.equal(breaks.length, invariants.length);
});

for (const [index, { broken }] of invariants.entries()) {
  test(`it is noticed when ${broken}`, (context) => {
    const { path, change } = filled(context);
    change(breaks[index]!);
    const { problems } = inspectFile(path);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.ok(problems[0]!.startsWith(`${broken}: `), problems.join());
  });
}

test('a page that was overwritten, and an index that does not fit its table, are noticed', (context) => {
  const { path, change } = filled(context);
  change(`PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, 'tracking_id, id', 'id, tracking_id') WHERE name = 'events_by_conversation'`);
  assert.notDeepEqual(inspectFile(path).problems, []);
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0x5a, 4_096, 3 * 4_096));
  assert.notDeepEqual(inspectFile(path).problems, []);
  writeFileSync(path, 'no database at all '.repeat(500));
  assert.throws(() => inspectFile(path), { code: 'storage_failed', message: /cannot be read as a database/ });
});

test('a database of a newer version is refused', (context) => {
  const { path, change } = filled(context);
  change('PRAGMA user_version = 9999');
  assert.throws(() => inspectFile(path), { code: 'schema_too_new' });
});

test('a start notices a table that is gone and a table whose ends cannot be read', (context) => {
  const { path, change } = filled(context);
  const start = () => {
    const database = new Database(path);
    try {
      inspectAtStart(database);
    } finally {
      database.close();
    }
  };
  start();
  change('DROP INDEX runs_by_parent; DROP TABLE events;');
  assert.throws(start, {
    code: 'storage_failed',
    message: /has no .*runs_by_parent.*events|has no .*events.*runs_by_parent/,
  });
});
