import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentUnder } from '../../../test/fixtures/encryption.ts';
import type { Content } from '../../encryption/content.ts';
import type { RecordedEvent } from '../../record/events.ts';
import { follow, LiveRecord } from '../../record/live.ts';
import { parseSearch } from '../../record/search/query.ts';
import type { SystemRetention } from '../../record/system-retention.ts';
import { Database } from '../../sqlite/database.ts';
import { inspectAtStart, inspectFile } from '../../sqlite/inspect.ts';
import { Sweeper } from '../../sqlite/sweeper.ts';
import { testStore } from '../contract/contract.ts';
import { aLife } from '../contract/life.ts';
import { checkPieceSize } from '../contract/piece-size.ts';
import { testProjections } from '../contract/projections.ts';
import { withStoreOf } from '../contract/with-store.ts';
import { pieceBytes } from '../gap.ts';
import { createLocalLeases } from '../local/leases.ts';
import { createLocalRateLimits } from '../local/rate-limits.ts';
import { followPiece } from './projections/following.ts';
import { createSqliteStore } from './store.ts';
import { systemRetention } from './system-retention.ts';
import { storeThreads } from './threads.ts';

function open(content?: Content) {
  const folder = mkdtempSync(join(tmpdir(), 'store-'));
  const database = new Database(join(folder, 'signalbox.sqlite'), content && { content });
  const errors: unknown[] = [];
  const live = new LiveRecord({ onError: (error) => errors.push(error), limit: 2 });
  const store = createSqliteStore(database, live);
  const close = async () => {
    database.close();
    rmSync(folder, { recursive: true });
  };
  return { database, live, store, errors, close };
}

/** As the product has it: with threads beside the database. */
function openWithThreads(content?: Content) {
  const { database, live, close: closeDatabase } = open(content);
  const threads = storeThreads(database.path, database.content);
  const store = createSqliteStore(database, live, undefined, threads);
  const close = async () => {
    await threads.close();
    await closeDatabase();
  };
  return { database, live, store, threads, close, catchUp: () => store.follower.catchUp() };
}

const opened = (content?: Content) => {
  const under = open(content);
  return { ...under, catchUp: () => under.store.follower.catchUp() };
};

const underTest = (content?: Content) => {
  const under = opened(content);
  const { database } = under;
  return {
    ...under,
    leases: createLocalLeases(),
    rateLimits: createLocalRateLimits(),
    sweepSystemEvents: (keep: SystemRetention, now: number) =>
      new Sweeper({ database, tasks: systemRetention({ keep, clock: () => now }) }).sweep(),
  };
};

testStore('sqlite', async () => underTest());
testStore('sqlite, encrypted', async () => ({ ...underTest(contentUnder()), wholeWordsOnly: true }));

testProjections(withStoreOf('sqlite, with threads', async () => openWithThreads()));

testProjections(
  withStoreOf('sqlite, encrypted, with threads', async () => ({
    ...openWithThreads(contentUnder()),
    wholeWordsOnly: true,
  })),
);

test('events are published once they are on disk, and never when their write was taken back', async () => {
  const { database, live, store, errors, close } = open();
  const life = aLife();
  const seen: RecordedEvent[] = [];
  live.subscribeAll((event) => seen.push(event));
  live.subscribeAll(() => {
    throw new Error('a listener that breaks');
  });
  const failing = database.write((sql) => {
    store.writeFacts(sql, life.facts.slice(1, 3));
    throw new Error('taken back');
  });
  const good = store.append(life.facts.slice(0, 1));
  await assert.rejects(failing, /taken back/);
  await good;
  assert.deepEqual(
    seen.map((event) => [event.type, event.sequence]),
    [['WEBHOOK_REQUEST_RECEIVED', 1]],
  );
  await store.append(life.facts.slice(0, 2));
  assert.equal(seen.length, 2);
  assert.equal(errors.length, 2);
  await close();
});

test('following a conversation gives each event once, from any place, until it is complete', async () => {
  const { live, store, close } = open();
  const life = aLife();
  await store.append(life.facts.slice(0, 3));
  const { sequence } = (await store.events(life.trackingId))[0]!;
  const types: string[] = [];
  const reading = (async () => {
    const options = { afterSequence: sequence, signal: new AbortController().signal };
    for await (const event of follow({ store, live }, life.trackingId, options)) types.push(event.type);
  })();
  for (const fact of life.facts.slice(3)) await store.append([fact]);
  await reading;
  assert.deepEqual(
    types,
    life.facts.slice(1).map((fact) => fact.type),
  );
  await close();
});

test('following misses no event that becomes durable while it looks', async () => {
  const { live, store, close } = open();
  const life = aLife();
  await store.append(life.facts.slice(0, 3));
  let looks = 0;
  const reader = {
    summary: store.summary,
    // The rest of the life happens just after a look that found nothing new.
    async events(trackingId: string, afterSequence?: number) {
      const found = await store.events(trackingId, afterSequence);
      if (++looks === 2) await store.append(life.facts.slice(3));
      return found;
    },
  };
  const types: string[] = [];
  const options = { signal: new AbortController().signal };
  for await (const event of follow({ store: reader, live }, life.trackingId, options)) types.push(event.type);
  assert.deepEqual(
    types,
    life.facts.map((fact) => fact.type),
  );
  await close();
});

test('following ends when it is aborted, when nothing is there, and when too many follow', async () => {
  const { live, store, close } = open();
  const life = aLife();
  await store.append(life.facts.slice(0, 1));
  const abort = new AbortController();
  const events = follow({ store, live }, life.trackingId, { signal: abort.signal });
  await events.next();
  const end = events.next();
  abort.abort();
  assert.equal((await end).done, true);
  const nothing = follow({ store, live }, 'no-such-id', { signal: new AbortController().signal });
  assert.equal((await nothing.next()).done, true);
  const stops = [live.subscribe('a', () => {}), live.subscribe('b', () => {})];
  assert.equal(
    live.subscribe('c', () => {}),
    undefined,
  );
  stops[0]!();
  stops[0]!();
  assert.notEqual(
    live.subscribe('c', () => {}),
    undefined,
  );
  assert.equal(
    live.subscribe('d', () => {}),
    undefined,
  );
  await close();
});

test('counts of many conversations are kept for a while, those of few are not', async () => {
  const { database, store, close } = open();
  await store.append(aLife().facts);
  assert.deepEqual(await store.counts(), { delivered: 1 });
  await store.append(aLife().facts);
  assert.deepEqual(await store.counts(), { delivered: 2 });
  database.run(
    `INSERT INTO conversations (tracking_id, conversation_id, delivery_id, status, delivery_status, complete, source_system,
       source_process, webhook_type, query_start, received_at, attempts)
     WITH RECURSIVE counted (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM counted WHERE n < 100000)
     SELECT n, '', '', 'failed', 'none', 1, '', '', 'general', '', n, 0 FROM counted`,
  );
  const counts = { delivered: 2, failed: 100_000 };
  assert.deepEqual(await store.counts(), counts);
  await store.append(aLife().facts);
  assert.deepEqual(await store.counts(), counts);
  await close();
});

test('conversations that are other than their events say are put right, and counted', async () => {
  const { database, store, close } = open();
  const lives = Array.from({ length: 5 }, () => aLife());
  for (const life of lives) await store.append(life.facts);
  const before = (await store.conversations()).conversations;
  const [altered, removed] = lives;
  const alter = `UPDATE conversations SET status = 'queued', attempts = 7 WHERE tracking_id = ?`;
  database.run(alter, altered!.trackingId);
  database.run('DELETE FROM conversations WHERE tracking_id = ?', removed!.trackingId);
  await store.rebuild(['conversations']);
  await store.follower.catchUp();
  const after = (await store.conversations()).conversations;
  const byId = (rows: typeof before) => new Map(rows.map((row) => [row.trackingId, row]));
  assert.deepEqual(byId(after), byId(before));
  assert.equal(database.get<{ n: number }>('SELECT changed AS n FROM projections')!.n, 2);
  await close();
});

test('a record that is searched can be opened again, and is whole', async () => {
  const { database, store, close } = open();
  const lives = Array.from({ length: 50 }, () => aLife());
  for (const { facts } of lives) await store.append(facts.slice(0, 1));
  await store.follower.catchUp();
  await store.append(lives[0]!.facts);
  await store.follower.catchUp();
  inspectAtStart(database);
  assert.deepEqual(inspectFile(database.path).problems, []);
  await close();
});

test('threads read what the database itself reads', async () => {
  const { database, live, store, close } = openWithThreads();
  const direct = createSqliteStore(database, live);
  for (const status of ['open', 'won', 'lost']) await store.append(aLife({ query: status }).facts);
  const both = async <T>(read: (from: typeof store) => Promise<T>) => {
    const [one, other] = await Promise.all([read(store), read(direct)]);
    assert.deepEqual(one, other);
    return one;
  };
  assert.equal((await both((from) => from.conversations({ limit: 2 }))).conversations.length, 2);
  assert.deepEqual(await both((from) => from.count({})), { count: 3, exact: true });
  assert.deepEqual(await both((from) => from.counts()), { delivered: 3 });
  const { events } = await both((from) => from.eventLog(0, { types: ['WEBHOOK_REQUEST_RECEIVED'] }));
  assert.equal(events.length, 3);
  await assert.rejects(
    both((from) => from.conversations({ after: 'nothing' })),
    { code: 'invalid_request' },
  );
  await close();
});

test('the projections go on where they were when their thread is gone, with another one or without', async () => {
  const { store, threads, catchUp, close } = openWithThreads();
  const find = async () => (await store.search({ query: parseSearch('find') })).found.length;
  await store.append(aLife({ query: 'find one' }).facts);
  await catchUp();
  assert.equal(await find(), 1);
  await threads.following.close();
  await store.append(aLife({ query: 'find another' }).facts);
  await catchUp();
  assert.equal(await find(), 2);
  await close();
});

test('what is far behind is searched from its newest to its oldest, and what comes meanwhile first', async () => {
  const { database, store, close } = open();
  const lives = Array.from({ length: 30 }, (_, n) => aLife({ query: `find ${n}` }));
  const find = async () => {
    const { found, behind } = await store.search({ query: parseSearch('find') });
    const at = found.map(({ summary }) => lives.findIndex((life) => life.trackingId === summary.trackingId));
    return { found: at, behind };
  };
  const append = async (from: number, to: number) => {
    for (const life of lives.slice(from, to)) await store.append(life.facts);
  };
  await append(0, 20);
  const { n: all } = database.get<{ n: number }>('SELECT count(*) AS n FROM events')!;
  const pieceOf = (lives: number) => followPiece(database, (all / 20) * lives, { leapEvents: 50 });
  await pieceOf(5);
  assert.deepEqual(await find(), { found: [], behind: all });
  await pieceOf(5);
  assert.deepEqual(await find(), { found: [19, 18, 17, 16, 15], behind: (all / 20) * 15 });
  await append(20, 22);
  await pieceOf(5);
  assert.deepEqual((await find()).found, [21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10]);
  while (!(await pieceOf(5)).isThrough);
  assert.deepEqual(await find(), { found: [...lives.keys()].slice(0, 22).reverse(), behind: 0 });
  // One that is made anew leaves no gap.
  await append(22, 30);
  await pieceOf(1);
  await store.rebuild(['search']);
  while (!(await pieceOf(5)).isThrough);
  assert.deepEqual(await find(), { found: [...lives.keys()].reverse(), behind: 0 });
  await close();
});

test('a piece ends before it is large, so that a thread has room for it', async () => {
  const { database, store, close } = open();
  const large = 'x'.repeat(pieceBytes * 0.15);
  await checkPieceSize({ store, large, piece: (limit) => followPiece(database, limit) });
  await close();
});

test('no part of the search has the words of what was erased, though it was being made anew', async () => {
  const { database, store, close } = open();
  const lives = [aLife({ query: 'Quartermain' }), ...Array.from({ length: 30 }, () => aLife())];
  for (const life of lives) await store.append(life.facts);
  await store.follower.catchUp();
  await store.rebuild(['search']);
  await followPiece(database, 20);
  // Terms begin where the one before them ends, so that only the rest of a word stands together.
  const parts = () =>
    [0, 1].map(
      (generation) =>
        database.get<{ n: number }>(
          `SELECT count(*) AS n FROM search_${generation}_data WHERE instr(block, CAST('rmain' AS BLOB)) > 0`,
        )!.n,
    );
  assert.deepEqual(parts(), [1, 1]);
  await store.erase(lives[0]!.trackingId, { runId: 'run', by: 'me', at: 1 });
  await store.settleErasures();
  await store.follower.catchUp();
  assert.deepEqual(parts(), [0, 0]);
  const left = (generation: number) =>
    database.get<{ n: number }>(`SELECT count(*) AS n FROM search_${generation}_docsize`)!.n;
  assert.deepEqual([left(0), left(1)].sort(), [0, 31]);
  await close();
});

test('what is removed from the record is not found any more', async () => {
  const { database, store, close } = open();
  const lives = [aLife({ query: 'find me' }), aLife({ query: 'find me' })];
  for (const life of lives) await store.append(life.facts);
  await store.follower.catchUp();
  database.run('DELETE FROM conversations WHERE tracking_id = ?', lives[0]!.trackingId);
  const { found } = await store.search({ query: parseSearch('find') });
  assert.deepEqual(
    found.map((each) => each.summary.trackingId),
    [lives[1]!.trackingId],
  );
  const left = 'SELECT count(*) AS n FROM search_0_docsize';
  assert.equal(database.get<{ n: number }>(left)!.n, 1);
  await close();
});
