import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type RecordedEvent, webhookTypes } from '../events.ts';
import { type BucketRange, RememberedBuckets, type TallyReader } from './remembered.ts';
import { addRow, type TallyRow, tally, toRow } from './statistics.ts';

const minute = 60_000;

/** Tallies as a store has them, and the starts of all that were read. */
function tallies() {
  const rows = new Map<string, TallyRow>();
  const read: number[] = [];
  const inRange = (periodMs: number, from: number, to: number) =>
    [...rows.values()]
      .filter(({ period, start }) => period === periodMs && start >= from && start < to)
      .sort((one, other) => one.start - other.start);
  const reader: TallyReader = {
    async sums({ periodMs, from, to }) {
      const sums = new Map<number, { start: number; count: number; totalMs: number }>();
      for (const row of inRange(periodMs, from, to)) {
        const sum = sums.get(row.start) ?? { start: row.start, count: 0, totalMs: 0 };
        sums.set(row.start, sum);
        sum.count += row.delivered + row.failed + row.not_configured;
        sum.totalMs += row.total_ms;
      }
      return [...sums.values()];
    },
    async *rows({ periodMs, from, to }) {
      for (const row of inRange(periodMs, from, to)) {
        read.push(row.start);
        yield [row];
      }
    },
  };
  const complete = (at: number, totalTimeMs: number, type: number) => {
    const data = { webhookType: webhookTypes[type]!, deliveryStatus: 'delivered', totalTimeMs };
    const event = { type: 'WEBHOOK_CONVERSATION_COMPLETED', at, data } as unknown as RecordedEvent;
    for (const each of tally([event])) {
      const key = `${each.periodMs} ${each.start} ${each.webhookType}`;
      const present = rows.get(key);
      if (present !== undefined) addRow(each, present);
      rows.set(key, toRow(each));
    }
  };
  return { reader, complete, read };
}

test('what is remembered is what would be read, whatever is completed in between', async () => {
  const completion = fc.tuple(fc.nat(40), fc.nat(3_000), fc.nat(webhookTypes.length - 1));
  const range = fc.tuple(fc.constantFrom(1, 2, 5, 15), fc.nat(20), fc.integer({ min: 1, max: 20 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.array(completion, { maxLength: 6 }), range), { maxLength: 12 }),
      async (turns) => {
        const { reader, complete } = tallies();
        const buckets = new RememberedBuckets();
        for (const [completions, [minutes, from, length]] of turns) {
          for (const [at, totalTimeMs, type] of completions) complete(at * minute, totalTimeMs, type);
          const bucketMs = minutes * minute;
          const asked: BucketRange = { bucketMs, from: from * bucketMs, to: (from + length) * bucketMs };
          assert.deepEqual(
            await buckets.read(asked, reader),
            await new RememberedBuckets().read(asked, reader),
          );
        }
      },
    ),
  );
});

test('what was read while it was being emptied, or added to, is not remembered', async () => {
  const { reader, complete } = tallies();
  for (const at of [0, 1, 2]) complete(at * minute, 10 + at, 0);
  const range = { bucketMs: 5 * minute, from: 0, to: 5 * minute };
  const buckets = new RememberedBuckets();
  const partly: TallyReader = {
    ...reader,
    async *rows({ to }) {
      yield* reader.rows({ periodMs: minute, from: minute, to });
    },
  };
  const counts = async (from: TallyReader) => (await buckets.read(range, from)).map(({ count }) => count);
  assert.deepEqual(await counts(partly), [2]);
  assert.deepEqual(await counts(reader), [3]);
});

test('only buckets to which something was added are read again', async () => {
  const { reader, complete, read } = tallies();
  const buckets = new RememberedBuckets();
  for (const at of [0, 1, 2, 7, 8]) complete(at * minute, 10 + at, 0);
  const range = { bucketMs: minute, from: 0, to: 10 * minute };
  const look = async () => {
    read.length = 0;
    const found = await buckets.read(range, reader);
    return {
      counts: found.map(({ start, count }) => [start / minute, count]),
      read: read.map((at) => at / minute),
    };
  };
  const counts = [0, 1, 2, 7, 8].map((at) => [at, 1]);
  assert.deepEqual(await look(), { counts, read: [0, 1, 2, 7, 8] });
  assert.deepEqual(await look(), { counts, read: [] });
  complete(2 * minute + 5, 0, 0);
  complete(9 * minute, 4, 1);
  counts[2] = [2, 2];
  counts.push([9, 1]);
  assert.deepEqual(await look(), { counts, read: [2, 9] });
});
