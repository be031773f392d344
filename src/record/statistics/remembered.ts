import { BucketSums, periods, type Statistics, type TallyRow } from './statistics.ts';

export interface BucketRange {
  /** The length of a bucket: whole minutes, in milliseconds. */
  readonly bucketMs: number;
  /** The beginning of the first bucket, in milliseconds since the epoch: a whole minute, and of what the bucket is made of. */
  readonly from: number;
  /** Not included; whole buckets after `from`. */
  readonly to: number;
}

/** Tallies of one length of period that begin in a range. */
export interface Tallies {
  readonly periodMs: number;
  readonly from: number;
  readonly to: number;
}

/** What a period has, all types together, without the times themselves. */
export interface PeriodSum {
  readonly start: number;
  readonly count: number;
  readonly totalMs: number;
}

/** How a store reads its tallies. */
export interface TallyReader {
  /** Of each period in which anything was completed. */
  sums(of: Tallies): Promise<PeriodSum[]>;
  /** In the order of their start, in pieces. */
  rows(of: Tallies): AsyncIterable<readonly TallyRow[]>;
}

const bucketsAtMost = 5_000;

interface Bucket {
  readonly start: number;
  count: number;
  totalMs: number;
}

interface Remembered {
  readonly count: number;
  readonly totalMs: number;
  readonly statistics: Statistics;
}

/**
 * Statistics that were computed before. Tallies are only ever added to, so a bucket whose count and sum are what they were has the same percentiles: of a
 * page of 1,440 hours that is looked at again, all but the last one are not read again, which is nine tenths of its time.
 */
export class RememberedBuckets {
  static readonly #of = new WeakMap<object, RememberedBuckets>();
  readonly #buckets = new Map<string, Remembered>();

  /** What was computed from a place that tallies are read from. */
  static of(place: object): RememberedBuckets {
    const present = RememberedBuckets.#of.get(place) ?? new RememberedBuckets();
    RememberedBuckets.#of.set(place, present);
    return present;
  }

  /** Buckets in which something was completed, in their order. */
  async read(range: BucketRange, reader: TallyReader): Promise<Statistics[]> {
    const { bucketMs, from, to } = range;
    const periodMs = periods.findLast((period) => bucketMs % period === 0 && from % period === 0)!;
    const buckets = bucketsOf(await reader.sums({ periodMs, from, to }), range);
    const found = new Map<number, Statistics>();
    for (const bucket of buckets) {
      const statistics = this.#recall(bucketMs, bucket);
      if (statistics !== undefined) found.set(bucket.start, statistics);
    }
    const missing = buckets.filter(({ start }) => !found.has(start));
    for (const stretch of stretchesOf(missing, bucketMs)) {
      const sums = new BucketSums({ bucketMs, from });
      for await (const rows of reader.rows({ periodMs, ...stretch })) sums.add(rows);
      for (const statistics of sums.statistics()) found.set(statistics.start, statistics);
    }
    for (const bucket of missing) this.#remember(bucketMs, bucket, found.get(bucket.start));
    return buckets.flatMap(({ start }) => found.get(start) ?? []);
  }

  #recall(bucketMs: number, { start, count, totalMs }: Bucket): Statistics | undefined {
    const found = this.#buckets.get(`${bucketMs} ${start}`);
    return found?.count === count && found.totalMs === totalMs ? found.statistics : undefined;
  }

  /** What was read while something was added to it, or while it was being emptied, is not what its sum says. */
  #remember(bucketMs: number, { start, count, totalMs }: Bucket, statistics: Statistics | undefined): void {
    if (statistics?.count !== count || statistics.averageMs !== totalMs / count) return;
    this.#buckets.set(`${bucketMs} ${start}`, { count, totalMs, statistics });
    if (this.#buckets.size > bucketsAtMost) this.#buckets.delete(this.#buckets.keys().next().value!);
  }
}

function bucketsOf(sums: readonly PeriodSum[], { bucketMs, from }: BucketRange): Bucket[] {
  const buckets: Bucket[] = [];
  for (const { start: at, count, totalMs } of sums) {
    const start = from + Math.floor((at - from) / bucketMs) * bucketMs;
    const last = buckets.at(-1);
    if (last?.start !== start) buckets.push({ start, count, totalMs });
    else {
      last.count += count;
      last.totalMs += totalMs;
    }
  }
  return buckets;
}

/** Buckets that follow each other without a gap are read together. */
function stretchesOf(buckets: readonly Bucket[], bucketMs: number): { from: number; to: number }[] {
  const stretches: { from: number; to: number }[] = [];
  for (const { start } of buckets) {
    const last = stretches.at(-1);
    if (last?.to === start) last.to = start + bucketMs;
    else stretches.push({ from: start, to: start + bucketMs });
  }
  return stretches;
}
