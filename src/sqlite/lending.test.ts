import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { Database } from './database.ts';

/** A database and another connection to it, with a writer for each. */
function openBoth(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-lending-'));
  const path = join(folder, 'test.sqlite');
  const database = new Database(path);
  database.run('CREATE TABLE notes (name TEXT)');
  const guest = new DatabaseSync(path, { timeout: 0 });
  context.after(() => {
    guest.close();
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const text = 'INSERT INTO notes VALUES (?)';
  return {
    ...{ database, guest, path },
    note: (name: string) => database.write((sql) => void sql.run(text, name)),
    noteAsGuest: (name: string) => void guest.prepare(text).run(name),
    names: () =>
      database.all<{ name: string }>('SELECT name FROM notes ORDER BY rowid').map(({ name }) => name),
  };
}

test('while another connection has the turn, writes wait and the thread does not', async (context) => {
  const { database, guest, note, noteAsGuest, names } = openBoth(context);
  const guestIsDone = Promise.withResolvers<void>();
  guest.exec('BEGIN');
  const lent = database.lend(async () => {
    noteAsGuest('guest');
    await guestIsDone.promise;
    guest.exec('COMMIT');
    return 'done';
  });
  const written = note('queued');
  const seen = await Promise.race([written, database.read(() => names()), lent]);
  assert.deepEqual(seen, [], 'it is read as it was');
  guestIsDone.resolve();
  assert.equal(await lent, 'done');
  await written;
  assert.deepEqual(names(), ['guest', 'queued']);
});

test('what is queued has its turn between two that are lent', async (context) => {
  const { database, note, noteAsGuest, names } = openBoth(context);
  const written: Promise<void>[] = [];
  for (let n = 0; n < 20; n++) {
    await database.lend(async () => {
      noteAsGuest(`guest ${n}`);
      written.push(note(`own ${n}`));
    });
  }
  await Promise.all(written);
  assert.deepEqual(names(), Array.from({ length: 20 }, (_, n) => [`guest ${n}`, `own ${n}`]).flat());
});

test('turns are lent one after the other, also when they end in an error', async (context) => {
  const { database, note } = openBoth(context);
  let guests = 0;
  const lent = Array.from({ length: 10 }, (_, n) =>
    database.lend(async () => {
      assert.equal(++guests, 1);
      await note.length;
      guests--;
      if (n % 2 === 1) throw new Error(`guest ${n}`);
    }),
  );
  const ends = await Promise.allSettled(lent);
  assert.deepEqual(
    ends.map(({ status }) => status),
    Array.from({ length: 10 }, (_, n) => (n % 2 === 1 ? 'rejected' : 'fulfilled')),
  );
  await note('after');
});

test('the log is emptied between turns, and what a guest wrote is in the file then', async (context) => {
  const { database, noteAsGuest, names, path } = openBoth(context);
  const guestIsDone = Promise.withResolvers<void>();
  const lent = database.lend(async () => {
    noteAsGuest('guest');
    await guestIsDone.promise;
  });
  const emptied = database.truncateLog();
  guestIsDone.resolve();
  await lent;
  assert.equal(await emptied, true);
  assert.equal(statSync(`${path}-wal`).size, 0);
  assert.deepEqual(names(), ['guest']);
});

test('a closed database lends nothing, and closing in a turn keeps what is queued', async (context) => {
  const { database, note, noteAsGuest, path } = openBoth(context);
  const guestIsDone = Promise.withResolvers<void>();
  const lent = database.lend(() => guestIsDone.promise);
  const written = note('queued');
  noteAsGuest('guest');
  await new Promise(setImmediate);
  database.close();
  await written;
  guestIsDone.resolve();
  await lent;
  await assert.rejects(
    database.lend(async () => {}),
    { code: 'shutting_down' },
  );
  const again = new Database(path);
  assert.equal(again.get<{ n: number }>('SELECT count(*) AS n FROM notes')!.n, 2);
  again.close();
});
