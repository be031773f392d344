import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { Database } from './database.ts';

const logPages = 100;
const bytesOfPage = 4_096 + 24;

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-checkpoint-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(context: TestContext, folder: string): Database {
  const database = new Database(join(folder, 'test.sqlite'), { logPages });
  context.after(() => database.close());
  database.run('CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)');
  return database;
}

/** Writes some twenty pages each time, without a pause. */
async function writeGroups(database: Database, count: number, each: () => void): Promise<void> {
  const text = 'x'.repeat(20 * 4_000);
  for (let n = 0; n < count; n++) {
    await database.write((sql) => sql.run('INSERT INTO notes (text) VALUES (?)', text));
    each();
  }
}

test('the log stays small under a load that never pauses, and all of it is in the database', async (context) => {
  const folder = temporaryFolder(context);
  const database = open(context, folder);
  let largest = 0;
  await writeGroups(database, 600, () => {
    largest = Math.max(largest, statSync(join(folder, 'test.sqlite-wal')).size);
  });
  assert.ok(largest > logPages * bytesOfPage, 'it has to be larger than the limit for a moment');
  assert.ok(
    largest < 60 * logPages * bytesOfPage,
    `of 12,000 pages ${largest / bytesOfPage} were in the log`,
  );
  database.close();
  const file = new DatabaseSync(join(folder, 'test.sqlite'));
  assert.deepEqual({ ...file.prepare('SELECT count(*) AS n FROM notes').get() }, { n: 600 });
  assert.deepEqual({ ...file.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
  file.close();
});

test('a process that is killed in the middle of checkpoints has everything that it told of', async (context) => {
  const folder = temporaryFolder(context);
  const script = `
    import { Database } from ${JSON.stringify(join(import.meta.dirname, 'database.ts'))};
    const database = new Database(${JSON.stringify(join(folder, 'test.sqlite'))}, { logPages: ${logPages} });
    database.run('CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)');
    for (;;) {
      const { lastInsertRowid } = await database.write((sql) =>
        sql.run('INSERT INTO notes (text) VALUES (?)', 'x'.repeat(20 * 4_000)));
      process.stdout.write(lastInsertRowid + '\\n');
    }`;
  let told = 0;
  for (let round = 1; round <= 4; round++) {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const until = told + 150 + 37 * round;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      told = Math.max(told, ...chunk.split('\n').map(Number));
      if (told > until) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const database = new Database(join(folder, 'test.sqlite'), { logPages });
    const { n } = database.get<{ n: number }>('SELECT count(*) AS n FROM notes')!;
    assert.ok(n >= told, `${told} were told of, ${n} are there`);
    assert.equal(database.get<{ integrity_check: string }>('PRAGMA integrity_check')!.integrity_check, 'ok');
    database.close();
  }
});
