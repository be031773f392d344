import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { takeBackup } from './backup.ts';
import { compactDatabase } from './compact.ts';
import { Database } from './database.ts';
import { inspectFile } from './inspect.ts';
import { damageOfLog } from './log-damage.ts';
import { restoreBackup } from './restore.ts';

const frameBytes = 24 + 4_096;

/** A data folder as a killed process leaves it, with six commits in its log. */
async function leftBehind(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-log-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const database = new Database(join(folder, 'running.sqlite'));
  context.after(() => database.close());
  database.run('CREATE TABLE notes (name TEXT)');
  for (const name of 'abcde') await database.write((sql) => sql.run('INSERT INTO notes VALUES (?)', name));
  const path = join(folder, 'signalbox.sqlite');
  for (const suffix of ['', '-wal'])
    copyFileSync(join(folder, `running.sqlite${suffix}`), `${path}${suffix}`);
  const log = readFileSync(`${path}-wal`);
  return { folder, path, log, write: (bytes: Buffer) => writeFileSync(`${path}-wal`, bytes) };
}

test('a log is whole, torn at its end, or damaged before it', async (context) => {
  const { path, log, write } = await leftBehind(context);
  const damage = () => damageOfLog(`${path}-wal`);
  assert.equal(damage(), undefined);
  for (const size of [0, 1, 31, 32, 33, frameBytes, log.length - 1, log.length - frameBytes - 1]) {
    write(log.subarray(0, size));
    assert.equal(damage(), undefined, `torn after ${size} bytes`);
  }
  const last = Buffer.from(log);
  last[log.length - 1]! ^= 1;
  write(last);
  assert.equal(damage(), undefined, 'the last commit is torn');
  const first = Buffer.from(log);
  first[32 + 24]! ^= 1;
  write(first);
  assert.deepEqual(damage(), { wholeBytes: 0, commitsAfter: 5 });
  rmSync(`${path}-wal`);
  assert.equal(damage(), undefined, 'there is none');
});

test('what an earlier use of the log left behind its end is no part of it', async (context) => {
  const { path, log } = await leftBehind(context);
  const database = new Database(path);
  context.after(() => database.close());
  await database.write((sql) => sql.run(`INSERT INTO notes VALUES ('f')`));
  const shorter = readFileSync(`${path}-wal`);
  writeFileSync(`${path}-wal.both`, Buffer.concat([shorter, log.subarray(shorter.length)]));
  assert.equal(damageOfLog(`${path}-wal.both`), undefined);
});

test('a damaged log is refused by whatever would drop it, told by the check, and put aside as it is', async (context) => {
  const { folder, path, log, write } = await leftBehind(context);
  const backup = join(mkdtempSync(join(folder, 'backup-')), 'file');
  takeBackup({ dataDir: folder, file: backup, signalboxVersion: '0' });
  const damaged = Buffer.from(log);
  damaged[32 + 30]! ^= 1;
  write(damaged);
  const refusal = {
    code: 'storage_failed',
    message: /damaged after 0 bytes, and 5 commits .*truncate -s 0 /,
  };
  assert.throws(() => new Database(path), refusal);
  assert.throws(() => compactDatabase(folder), refusal);
  assert.match(inspectFile(path).problems[0]!, /damaged after 0 bytes/);
  assert.deepEqual(readFileSync(`${path}-wal`), damaged);
  restoreBackup({ dataDir: folder, file: backup, replace: true });
  const aside = readdirSync(folder).find((name) => name.startsWith('signalbox.sqlite-wal.before-restore-'));
  assert.deepEqual(readFileSync(join(folder, aside!)), damaged);
  new Database(path).close();
});
