import { BucketSums, periods, type Statistics } from '../../record/statistics/statistics.ts';
import type { ReadSource } from '../../sqlite/database.ts';
import type { StatisticsRange } from '../store.ts';
import { generationOf } from './projections/following.ts';
import { tallies } from './projections/statistics.ts';

const pieceRows = 400;

/** Reads the longest periods that buckets are made of, in pieces, between which everybody else has a turn. */
export async function readStatistics(
  source: ReadSource,
  { bucketMs, from, to }: StatisticsRange,
): Promise<Statistics[]> {
  const periodMs = periods.findLast((period) => bucketMs % period === 0 && from % period === 0)!;
  const sums = new BucketSums({ bucketMs, from });
  for (let start: number | undefined = from; start !== undefined; ) {
    const first: number = start;
    start = await source.read((sql) => {
      const of = { periodMs, from: first, to, limit: pieceRows };
      const rows = tallies(sql, generationOf(sql, 'statistics').generation, of);
      const last = rows.at(-1)?.start;
      const isEnd = rows.length < pieceRows;
      // The types of the last period may not all be there.
      sums.add(isEnd ? rows : rows.filter((row) => row.start !== last));
      return isEnd ? undefined : last;
    });
  }
  return sums.statistics();
}
