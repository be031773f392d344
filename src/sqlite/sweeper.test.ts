import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { compaction } from './compaction.ts';
import { Database } from './database.ts';
import { Sweeper, type Task } from './sweeper.ts';

function open(context: TestContext, before?: (path: string) => void): Database {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-sweeper-'));
  const path = join(folder, 'test.sqlite');
  before?.(path);
  const database = new Database(path);
  context.after(() => {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  database.run('CREATE TABLE IF NOT EXISTS filling (id INTEGER PRIMARY KEY, text TEXT)');
  return database;
}

function fillAndEmpty(database: Database): Promise<void> {
  return database.write((sql) => {
    for (let n = 0; n < 2_000; n++) sql.run('INSERT INTO filling (text) VALUES (?)', 'x'.repeat(4_000));
    sql.run('DELETE FROM filling WHERE id % 50 <> 0');
  });
}

test('pages that hold nothing are given back, but for a quarter; what is there stays', async (context) => {
  const database = open(context);
  await fillAndEmpty(database);
  const pages = () => database.get<{ page_count: number }>('PRAGMA page_count')!.page_count;
  const before = pages();
  const { pages: removed } = await new Sweeper({ database, tasks: [compaction(0)] }).sweep();
  assert.ok(removed! > 1_000, `${removed} pages`);
  assert.ok(pages() <= before - removed!);
  assert.equal(database.get<{ n: number }>('SELECT count(*) AS n FROM filling')!.n, 40);
  assert.equal(database.get('PRAGMA integrity_check')!.integrity_check, 'ok');
  database.get('PRAGMA wal_checkpoint(TRUNCATE)');
  assert.ok(statSync(database.path).size < before * 4_096 * 0.6);
});

test('a file that was made before files could shrink is left as it is', async (context) => {
  const database = open(context, (path) => {
    const old = new DatabaseSync(path);
    old.exec('CREATE TABLE old (x)');
    old.close();
  });
  await fillAndEmpty(database);
  assert.deepEqual(await new Sweeper({ database, tasks: [compaction(0)] }).sweep(), { pages: 0 });
});

/** A task of `count` pieces that can be seen at work. */
function counting(count: number, seen: unknown[]): Task {
  return {
    name: 'counting',
    piece: (_, after) => {
      seen.push(after);
      return { removed: 1, ...(Number(after) + 1 < count && { next: Number(after) + 1 }) };
    },
  };
}

test('a sweep begins by itself, tells what it removed, and comes again', async (context) => {
  const database = open(context);
  const seen: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const told: unknown[] = [];
  const onSwept = (removed: unknown) => {
    told.push(removed);
    if (told.length === 2) resolve();
  };
  const sweeper = new Sweeper({
    ...{ database, tasks: [counting(2, seen)], onSwept },
    firstAfterMs: 1,
    everyMs: 1,
  });
  context.after(() => sweeper.stop());
  sweeper.begin();
  const keepAlive = setInterval(() => {}, 1_000);
  await promise.finally(() => clearInterval(keepAlive));
  assert.deepEqual(told.slice(0, 2), [{ counting: 2 }, { counting: 2 }]);
  assert.deepEqual(seen.slice(0, 4), [0, 1, 0, 1]);
});

test('a sweep that is stopped does no further piece; one that fails says so', async (context) => {
  const database = open(context);
  const seen: number[] = [];
  const sweeper = new Sweeper({ database, tasks: [counting(1_000, seen)] });
  const sweep = sweeper.sweep();
  sweeper.stop();
  await sweep;
  assert.deepEqual(seen, [0]);
  const failing: Task = {
    name: 'failing',
    piece: () => {
      throw new Error('on purpose');
    },
  };
  await assert.rejects(new Sweeper({ database, tasks: [failing] }).sweep(), /on purpose/);
});
