import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../../test/fixtures/until.ts';
import type { ConversationEvent } from '../events.ts';
import { LiveRecord } from '../live.ts';
import { type EventLog, lookedFor, pageOf } from './event-log.ts';
import { LogTail } from './tail.ts';

/** A log in memory of events of 100 bytes; every tenth number is none of a conversation. */
function aLog(options: { readonly limits?: { events: number; sizeBytes: number } } = {}) {
  const live = new LiveRecord({ onError: assert.ifError });
  const types = new Map<number, string>();
  const asked: number[] = [];
  const errors: unknown[] = [];
  let [newest, isAway] = [0, false];
  const eventOf = (sequence: number) =>
    ({ sequence, type: types.get(sequence) ?? 'WEBHOOK_OUTBOUND_QUEUED' }) as ConversationEvent;
  const log: EventLog = {
    newestSequence: async () => newest,
    eventLog: async (after, query = {}) => {
      if (isAway) throw new Error('away');
      asked.push(after);
      const length = Math.min(lookedFor(query), Math.max(0, newest - after));
      const looked = Array.from({ length }, (_, at) => after + 1 + at).map((sequence) => ({
        ...{ sequence, sizeBytes: 100, wanted: sequence % 10 !== 0 },
      }));
      const { sequences, ...page } = pageOf(looked, after, query);
      return {
        ...page,
        events: sequences.map((n) => ({ event: eventOf(n), account: null, sizeBytes: 100 })),
      };
    },
  };
  const tail = new LogTail({ log, live, onError: (error) => errors.push(error), restMs: 1, ...options });
  const grow = (to: number) => {
    newest = to;
    live.announceLog();
  };
  const away = (is: boolean) => {
    isAway = is;
  };
  const held = (after: number) => tail.after(after, 1e6)?.events.map(({ event }) => event.sequence);
  return { tail, grow, held, asked, errors, types, away };
}

test('one who joins is given what comes from then on, and the log has what was before', async () => {
  const { tail, grow, held } = aLog();
  grow(25);
  const leave = tail.join();
  assert.equal(tail.after(25, 1e6), undefined, 'nobody knows yet where the log ends');
  await until(
    () => held(25),
    (found) => found !== undefined,
  );
  assert.equal(held(24), undefined);
  const news = tail.news();
  grow(32);
  await news;
  assert.deepEqual(held(25), [26, 27, 28, 29, 31, 32]);
  assert.deepEqual(held(29), [31, 32]);
  assert.deepEqual(held(40), []);
  assert.equal(tail.after(40, 1e6)!.position, 40, 'a place is never gone back from');
  const page = tail.after(25, 250)!;
  assert.deepEqual([page.events.length, page.position, page.isEnd], [2, 27, false]);
  leave();
  leave();
  assert.equal(tail.readers, 0);
  assert.equal(held(32), undefined, 'nothing is held for nobody');
});

test('what is held is bounded, in number and in size, and the oldest goes first', async () => {
  for (const limits of [
    { events: 5, sizeBytes: 1e6 },
    { events: 1e6, sizeBytes: 599 },
  ]) {
    const { tail, grow, held } = aLog({ limits });
    tail.join();
    await until(
      () => held(0),
      (found) => found !== undefined,
    );
    grow(1_007);
    await until(
      () => [held(1_001), held(1_002)],
      ([older, rest]) => older === undefined && rest?.length === 5,
    );
    assert.deepEqual(held(1_002), [1_003, 1_004, 1_005, 1_006, 1_007]);
    assert.equal(held(1_001), undefined);
  }
});

test('nothing is asked of the log while nobody follows it', async () => {
  const { tail, grow, held, asked } = aLog();
  grow(10);
  const leave = tail.join();
  await until(
    () => held(10),
    (found) => found !== undefined,
  );
  leave();
  const before = asked.length;
  for (let n = 11; n < 200; n++) grow(n);
  const leaveAgain = tail.join();
  await until(
    () => held(199),
    (found) => found !== undefined,
  );
  assert.ok(
    asked.slice(before).every((after) => after >= 199),
    `asked after ${asked.slice(before)}`,
  );
  leaveAgain();
});

test('what was erased is not told from memory', async () => {
  const { tail, grow, held, types } = aLog();
  tail.join();
  await until(
    () => held(0),
    (found) => found !== undefined,
  );
  grow(5);
  await until(
    () => held(0),
    (found) => found!.length === 5,
  );
  types.set(8, 'WEBHOOK_CONVERSATION_ERASED');
  grow(9);
  await until(
    () => held(7),
    (found) => found?.length === 2,
  );
  assert.equal(held(6), undefined);
});

test('a log that cannot be read is told of once, and read when it is back', async () => {
  const { tail, grow, held, errors, away } = aLog();
  tail.join();
  await until(
    () => held(0),
    (found) => found !== undefined,
  );
  away(true);
  grow(3);
  grow(4);
  await until(
    () => errors,
    ({ length }) => length > 0,
  );
  away(false);
  await until(
    () => held(0),
    (found) => found!.length === 4,
  );
  assert.equal(errors.length, 1);
});

test('those who are behind read the log one after the other, and leave most of the time to others', async () => {
  const live = new LiveRecord({ onError: assert.ifError });
  let [atOnce, most, busyMs] = [0, 0, 0];
  const log: EventLog = {
    newestSequence: async () => 0,
    eventLog: async (after) => {
      most = Math.max(most, ++atOnce);
      const begun = performance.now();
      await pause(4);
      busyMs += performance.now() - begun;
      atOnce--;
      if (after === 13) throw new Error('away');
      return { events: [], position: after, isEnd: true };
    },
  };
  const tail = new LogTail({ log, live, onError: assert.ifError });
  const begun = performance.now();
  const reads = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => tail.read(n, {})));
  assert.equal(most, 1);
  assert.deepEqual(
    reads.map((read) => (read.status === 'fulfilled' ? read.value.position : 'failed')),
    Array.from({ length: 20 }, (_, n) => (n === 13 ? 'failed' : n)),
  );
  const share = busyMs / (performance.now() - begun);
  assert.ok(share < 0.45, `${Math.round(share * 100)} % of the time`);
});
