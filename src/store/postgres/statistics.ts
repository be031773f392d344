import {
  type BucketRange,
  type PeriodSum,
  RememberedBuckets,
  type TallyReader,
} from '../../record/statistics/remembered.ts';
import type { Statistics, TallyRow } from '../../record/statistics/statistics.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { generationOf } from './projections/following.ts';
import { tallyColumns } from './projections/statistics.ts';

/** Read at a time. One piece is summed up while the next one is on its way, and between two of them the thread does what else there is. */
const pieceRows = 1_000;

export function readStatistics(database: PostgresDatabase, range: BucketRange): Promise<Statistics[]> {
  return database.read(async (sql) => {
    const { generation } = await generationOf(sql, 'statistics');
    return RememberedBuckets.of(database).read(range, readerOf(sql, generation));
  });
}

function readerOf(sql: Transaction, generation: number): TallyReader {
  return {
    sums: ({ periodMs, from, to }) =>
      sql.all<PeriodSum>(
        `SELECT start, sum(delivered + failed + not_configured)::bigint AS count, sum(total_ms)::bigint AS "totalMs"
         FROM statistics WHERE generation = $1 AND period = $2 AND start >= $3 AND start < $4
         GROUP BY start ORDER BY start`,
        [generation, periodMs, from, to],
      ),
    async *rows({ periodMs, from, to }) {
      const rowsAfter = (start: number, type: string) =>
        sql.all<TallyRow>(
          `SELECT ${tallyColumns} FROM statistics
           WHERE generation = $1 AND period = $2 AND (start, webhook_type) > ($3, $4) AND start < $5
           ORDER BY start, webhook_type LIMIT ${pieceRows}`,
          [generation, periodMs, start, type, to],
        );
      // No type sorts before an empty one.
      let reading: Promise<TallyRow[]> | undefined = rowsAfter(from, '');
      while (reading !== undefined) {
        const rows: TallyRow[] = await reading;
        const last = rows.length < pieceRows ? undefined : rows.at(-1)!;
        reading = last && rowsAfter(last.start, last.webhook_type);
        // What fails meanwhile is told when it is waited for.
        reading?.catch(() => {});
        yield rows;
      }
    },
  };
}
