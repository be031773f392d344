import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Secret } from '../../src/core/secret.ts';
import { LiveRecord } from '../../src/record/live.ts';
import { parseSearch } from '../../src/record/search/query.ts';
import { openPostgresRecord, type PostgresRecord } from '../../src/store/postgres/open.ts';
import { noPostgres, postgresPrograms, startTestPostgres } from '../fixtures/postgres-server.ts';
import { begin, randomLives } from './random-lives.ts';

const child = join(import.meta.dirname, 'postgres-projection-child.ts');
/** How often it is killed while it follows, and while it makes anew; `PROJECTION_KILLS=50` for a long run. */
const kills = Number(process.env.PROJECTION_KILLS ?? 2);

const open = (url: string): Promise<PostgresRecord> =>
  openPostgresRecord(
    { url: new Secret(url), variable: 'DATABASE_URL', poolSize: 2 },
    new LiveRecord({ onError: () => {} }),
  );

/** Resolves with whether it was killed before it was done. */
async function follow(url: string, killAfterMs: number | undefined): Promise<boolean> {
  const following = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', child, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(following, 'exit');
  await once(following.stdout, 'data');
  if (killAfterMs !== undefined) {
    await pause(killAfterMs);
    following.kill('SIGKILL');
  }
  const [code, signal] = await exited;
  assert.ok(signal === 'SIGKILL' || code === 0);
  return signal === 'SIGKILL';
}

/** What is counted is what the log has up to the position; the rest is what people see. */
async function look({ store, database }: PostgresRecord) {
  const number = async (text: string) =>
    Number((await database.read((sql) => sql.all<{ n: number }>(text)))[0]!.n);
  const counted = await number(`SELECT coalesce(sum(delivered + failed), 0) AS n FROM statistics
    WHERE period = 60000 AND generation = (SELECT generation FROM projections WHERE name = 'statistics')`);
  const completed =
    await number(`SELECT count(*) AS n FROM events WHERE type = 'WEBHOOK_CONVERSATION_COMPLETED'
    AND sequence <= (SELECT position FROM projections WHERE name = 'statistics')`);
  assert.equal(counted, completed);
  const statistics = await store.statistics({ bucketMs: 60_000, from: begin, to: begin + 7_200_000 });
  const found = await Promise.all(
    ['won', 'lost', 'cafe', 'never'].map(async (word) =>
      (await store.search({ query: parseSearch(word), limit: 500 })).found.map(
        ({ summary }) => summary.trackingId,
      ),
    ),
  );
  return { statistics, found, conversations: (await store.conversations({ limit: 500 })).conversations };
}

test('projections on PostgreSQL are killed while they follow and while they are made anew: nothing is half there', {
  skip: postgresPrograms() === undefined && noPostgres,
}, async (context) => {
  const server = await startTestPostgres();
  context.after(() => server.close());
  const url = await server.createDatabase();
  const record = await open(url);
  context.after(() => record.close());
  await record.store.append(randomLives(60, 12).flatMap((life, n) => life.facts.slice(0, 1 + (n % 8))));
  let cutOff = 0;
  for (let kill = 0; kill < kills; kill++) {
    if (await follow(url, kill % 2 === 0 ? 15 : Math.random() * 120)) cutOff++;
    await look(record);
  }
  await follow(url, undefined);
  const whole = await look(record);
  assert.ok(whole.statistics.length > 0 && whole.found[0]!.length > 0);
  for (let kill = 0; kill < kills; kill++) {
    if (await follow(url, kill % 2 === 0 ? 15 : Math.random() * 120)) cutOff++;
    assert.deepEqual(await look(record), whole, 'until it is made anew, what was there is read');
  }
  await follow(url, undefined);
  assert.deepEqual(await look(record), whole);
  assert.ok(cutOff >= kills, `${cutOff} were cut off`);
  context.diagnostic(`${cutOff} of ${2 * kills} were cut off`);
});
