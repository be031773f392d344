import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LiveRecord } from '../../src/record/live.ts';
import { parseSearch } from '../../src/record/search/query.ts';
import { Database } from '../../src/sqlite/database.ts';
import { inspectFile } from '../../src/sqlite/inspect.ts';
import { createSqliteStore } from '../../src/store/sqlite/store.ts';
import { begin, randomLives } from './random-lives.ts';

const child = join(import.meta.dirname, 'projection-child.ts');
const killing = join(import.meta.dirname, 'kill-at-statement.ts');
const words = ['won', 'lost', 'cafe', 'never'];

/** A record that nothing has followed yet; every fourth conversation is other than its events say. */
async function filled(context: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-projections-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'signalbox.sqlite');
  const database = new Database(path);
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
  for (const [n, life] of randomLives(40, 11).entries()) {
    await store.append(life.facts.slice(0, 1 + (n % 8)));
  }
  database.close();
  return path;
}

interface Following {
  readonly killAt?: number;
  readonly sabotageAt?: number;
  readonly thread?: boolean;
}

/** Goes on from what is there; returns whether it was killed. */
function follow(path: string, { killAt, sabotageAt, thread }: Following): boolean {
  const env = {
    ...process.env,
    ...(killAt !== undefined && { KILL_AT: String(killAt) }),
    ...(sabotageAt !== undefined && { SABOTAGE: String(sabotageAt) }),
    ...(thread && { THREAD: '1' }),
  };
  const args = ['--disable-warning=ExperimentalWarning', '--import', killing, child, path];
  const { status, signal, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  const killed = signal === 'SIGKILL';
  assert.ok(killed || status === 0, stderr);
  return killed;
}

/** What people see, which is whole at any time: what was counted and found is what the log has up to a position. */
async function look(path: string) {
  const database = new Database(path);
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
  const number = (sql: string) => Number(Object.values(database.get(sql)!)[0]);
  const counted = number(`SELECT coalesce(sum(delivered + failed), 0) FROM statistics
    WHERE period = 60000 AND generation = (SELECT generation FROM projections WHERE name = 'statistics')`);
  const completed = number(`SELECT count(*) FROM events WHERE type = 'WEBHOOK_CONVERSATION_COMPLETED'
    AND sequence <= (SELECT position FROM projections WHERE name = 'statistics')`);
  const statistics = await store.statistics({ bucketMs: 60_000, from: begin, to: begin + 7_200_000 });
  const found = await Promise.all(
    words.map(async (word) => {
      const page = await store.search({ query: parseSearch(word), limit: 500 });
      return page.found.map(({ summary }) => summary.trackingId);
    }),
  );
  const { conversations } = await store.conversations({ limit: 500 });
  database.close();
  return { counted, completed, seen: { statistics, found, conversations } };
}

/** Statements at which it is killed, while it follows and while all is made anew: those of the process, or of the thread alone. */
const places = [
  { thread: false, following: [90, 110, 130, 150], again: [60, 75, 110, 150, 170] },
  { thread: true, following: [5, 20, 40, 60], again: [15, 30, 60, 100, 140] },
];

for (const { thread, following, again } of places) {
  const where = thread ? 'in their thread' : 'in the thread of the process';
  test(`projections are killed ${where} while they follow and while they are made anew: nothing is half there, and the next start goes on`, async (context) => {
    const path = await filled(context);
    for (const killAt of following) {
      assert.ok(follow(path, { killAt, thread }), `it was not killed at statement ${killAt}`);
      const { counted, completed } = await look(path);
      assert.equal(counted, completed, `after it was killed at statement ${killAt}`);
    }
    assert.ok(!follow(path, { thread }));
    const whole = await look(path);
    assert.ok(whole.counted > 0 && whole.seen.found[0]!.length > 0);
    for (const killAt of again) {
      assert.ok(follow(path, { killAt, thread }), `it was not killed at statement ${killAt}`);
      assert.deepEqual(await look(path), whole, `after it was killed at statement ${killAt}`);
    }
    assert.ok(!follow(path, { thread }));
    assert.deepEqual(await look(path), whole);
    assert.deepEqual(inspectFile(path).problems, []);
  });
}

test('a piece that is not one transaction is caught', async (context) => {
  const path = await filled(context);
  let wrong = false;
  for (let at = 1; at <= 8 && !wrong; at++) {
    assert.ok(follow(path, { sabotageAt: at }));
    const { counted, completed } = await look(path);
    wrong = counted !== completed;
  }
  assert.ok(wrong);
});
