import {
  type BucketRange,
  type PeriodSum,
  RememberedBuckets,
  type TallyReader,
} from '../../record/statistics/remembered.ts';
import type { Statistics, TallyRow } from '../../record/statistics/statistics.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { tallyColumns } from './projections/statistics.ts';

/** Read at a time. One piece is summed up while the next one is on its way, and between two of them the thread does what else there is. */
const pieceRows = 1_000;

export function readStatistics(database: PostgresDatabase, range: BucketRange): Promise<Statistics[]> {
  return database.read((sql) => RememberedBuckets.of(database).read(range, readerOf(sql)));
}

/** As each statement sees it: the one of before is emptied as soon as another has taken its place. */
const present = `generation = (SELECT generation FROM projections WHERE name = 'statistics')`;

function readerOf(sql: Transaction): TallyReader {
  return {
    sums: ({ periodMs, from, to }) =>
      sql.all<PeriodSum>(
        `SELECT start, sum(delivered + failed + not_configured)::bigint AS count, sum(total_ms)::bigint AS "totalMs"
         FROM statistics WHERE ${present} AND period = $1 AND start >= $2 AND start < $3
         GROUP BY start ORDER BY start`,
        [periodMs, from, to],
      ),
    async *rows({ periodMs, from, to }) {
      const rowsAfter = (start: number, type: string) =>
        sql.all<TallyRow>(
          `SELECT ${tallyColumns} FROM statistics
           WHERE ${present} AND period = $1 AND (start, webhook_type) > ($2, $3) AND start < $4
           ORDER BY start, webhook_type LIMIT ${pieceRows}`,
          [periodMs, start, type, to],
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
