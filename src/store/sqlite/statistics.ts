import {
  type BucketRange,
  type PeriodSum,
  RememberedBuckets,
  type TallyReader,
} from '../../record/statistics/remembered.ts';
import type { Statistics } from '../../record/statistics/statistics.ts';
import type { ReadSource } from '../../sqlite/database.ts';
import { generationOf } from './projections/following.ts';
import { periodSums, tallies } from './projections/statistics.ts';

const pieceRows = 400;

export function readStatistics(source: ReadSource, range: BucketRange): Promise<Statistics[]> {
  return RememberedBuckets.of(source).read(range, readerOf(source));
}

/** Reads in pieces, between which everybody else has a turn. */
function readerOf(source: ReadSource): TallyReader {
  return {
    sums: (of): Promise<PeriodSum[]> =>
      source.read((sql) => periodSums(sql, generationOf(sql, 'statistics').generation, of)),
    async *rows({ periodMs, from, to }) {
      let start = from;
      for (let isEnd = false; !isEnd; ) {
        const of = { periodMs, from: start, to, limit: pieceRows };
        const rows = await source.read((sql) => tallies(sql, generationOf(sql, 'statistics').generation, of));
        const last = rows.at(-1)?.start ?? to;
        isEnd = rows.length < pieceRows;
        // The types of the last period may not all be there.
        yield isEnd ? rows : rows.filter((row) => row.start !== last);
        start = last;
      }
    },
  };
}
