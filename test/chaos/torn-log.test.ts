import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { Database } from '../../src/sqlite/database.ts';
import { inspectFile } from '../../src/sqlite/inspect.ts';
import { EngineLives } from './engine-lives.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const damages = Number(process.env.CHAOS_KILLS ?? 24);
const frameBytes = 24 + 4_096;

/** What a killed process has left: a database and a log, in which each commit ends somewhere. */
interface Left {
  readonly lives: EngineLives;
  readonly path: string;
  readonly log: Buffer;
  /** Where in the log each commit ends, after 0 for none. */
  readonly commitEnds: readonly number[];
}

async function killedUnderLoad(context: TestContext): Promise<Left> {
  const lives = new EngineLives(context);
  await lives.live({ wanted: 300, kill: { atCommit: '25:after' } });
  const path = join(lives.folder, 'journal.sqlite');
  for (const suffix of ['', '-wal']) copyFileSync(`${path}${suffix}`, `${path}${suffix}.left`);
  const log = readFileSync(`${path}-wal`);
  const commitEnds = [0];
  for (let at = 32; at + frameBytes <= log.length; at += frameBytes)
    if (log.readUInt32BE(at + 4) !== 0) commitEnds.push(at + frameBytes);
  assert.ok(commitEnds.length > 20, `the log has ${commitEnds.length} commits`);
  return { lives, path, log, commitEnds };
}

/** Puts back what the killed process left, with another log. */
function putBack({ path }: Left, log: Buffer): void {
  copyFileSync(`${path}.left`, path);
  writeFileSync(`${path}-wal`, log);
  rmSync(`${path}-shm`, { force: true });
}

/** All rows of all tables, as one hash: after a start as the product does it, or as SQLite reads the file. */
function rowsOf(
  path: string,
  open: (path: string) => { all(sql: string): unknown[]; close(): void },
): string {
  const database = open(path);
  const hash = createHash('sha256');
  const tables = database.all(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`);
  for (const { name } of tables as { name: string }[]) {
    hash.update(name);
    hash.update(JSON.stringify(database.all(`SELECT * FROM "${name}"`)));
  }
  database.close();
  return hash.digest('hex');
}

const asProduct = (path: string) => new Database(path);
const asSqlite = (path: string) => {
  const connection = new DatabaseSync(path);
  return { all: (sql: string) => connection.prepare(sql).all(), close: () => connection.close() };
};

/** The rows after each commit, found by SQLite in a log that ends there. */
function statesOf(left: Left): (commit: number) => string {
  const known = new Map<number, string>();
  return (commit) => {
    const state = known.get(commit);
    if (state !== undefined) return state;
    putBack(left, left.log.subarray(0, left.commitEnds[commit]));
    const rows = rowsOf(left.path, asSqlite);
    known.set(commit, rows);
    return rows;
  };
}

/** The last commit that is whole when byte `at` is the first that is not as it was. */
const lastWhole = ({ commitEnds }: Left, at: number): number => commitEnds.findLastIndex((end) => end <= at);

function checkStart(left: Left, commit: number, stateAfter: (commit: number) => string, what: string): void {
  const expected = stateAfter(commit);
  putBack(left, readFileSync(join(left.lives.folder, 'damaged')));
  assert.equal(rowsOf(left.path, asProduct), expected, `${what}: what is there is commit ${commit}`);
  assert.deepEqual(inspectFile(left.path).problems, [], what);
}

function damage(left: Left, log: Buffer): void {
  writeFileSync(join(left.lives.folder, 'damaged'), log);
  putBack(left, log);
}

test(`the log is cut at ${damages} places (seed ${seed}): what is there after a start is a whole prefix of the commits`, async (context) => {
  const left = await killedUnderLoad(context);
  const stateAfter = statesOf(left);
  const random = seededRandom(seed);
  for (let n = 0; n < damages; n++) {
    const at = Math.floor(random() * (left.log.length + 1));
    damage(left, left.log.subarray(0, at));
    checkStart(left, lastWhole(left, at), stateAfter, `cut at byte ${at}`);
  }
  // The check can fail: of a whole log it is not the commit before the last.
  damage(left, left.log);
  const before = left.commitEnds.length - 2;
  assert.throws(() => checkStart(left, before, stateAfter, 'whole'), /what is there is commit/);
});

test(`a byte of the log is changed at ${damages} places (seed ${seed}): at its end it is torn, before it the start says what is lost`, async (context) => {
  const left = await killedUnderLoad(context);
  const stateAfter = statesOf(left);
  const random = seededRandom(seed);
  const last = left.commitEnds.at(-1)!;
  const early = left.commitEnds.at(-5)!;
  // A few in the header, and half of the others in the last commits.
  const places = [3, 9, 18, 26];
  for (let n = 0; n < damages; n++)
    places.push(Math.floor(n % 2 === 0 ? early + random() * (last - early) : random() * last));
  for (const at of places) {
    const log = Buffer.from(left.log);
    log[at] = log[at]! ^ (1 + Math.floor(random() * 255));
    damage(left, log);
    const commit = lastWhole(left, at);
    const commitsAfter = left.commitEnds.length - 2 - commit;
    const what = `byte ${at} changed, ${commitsAfter} commits after it`;
    const isRefused = refusedStart(left, commit, what);
    // The byte may be the one that says where a commit ends.
    if (commitsAfter >= 3) assert.ok(isRefused, what);
    if (commitsAfter === 0) assert.ok(!isRefused, what);
    checkStart(left, commit, stateAfter, what);
  }
  await checkLivesOn(left);
});

/** Whether the start was refused; then the log becomes what the message advises. */
function refusedStart({ lives, path, commitEnds }: Left, commit: number, what: string): boolean {
  try {
    new Database(path).close();
    return false;
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    assert.equal(code, 'storage_failed', what);
    const advice = /commits that were accepted follow.*truncate -s (\d+) (.*)$/.exec(message)!;
    assert.deepEqual([Number(advice[1]), advice[2]], [commitEnds[commit], `${path}-wal`], what);
    const damaged = join(lives.folder, 'damaged');
    assert.match(inspectFile(path).problems[0]!, /commits that were accepted follow/);
    assert.deepEqual(readFileSync(`${path}-wal`), readFileSync(damaged), 'it was left as it is');
    truncateSync(damaged, commitEnds[commit]);
    return true;
  }
}

/** A process goes on from what is there now, and all runs end as they should. */
async function checkLivesOn({ lives, path }: Left): Promise<void> {
  await lives.live({ wanted: 1 });
  const database = new DatabaseSync(path);
  const statuses = database.prepare('SELECT status, count(*) AS n FROM runs GROUP BY status').all();
  database.close();
  assert.deepEqual(
    statuses.map(({ status }) => status),
    ['succeeded'],
  );
}
