import { BucketSums, periods, type Statistics, type TallyRow } from '../../record/statistics/statistics.ts';
import type { StatisticsRange } from '../store.ts';
import type { PostgresDatabase } from './database.ts';
import { generationOf } from './projections/following.ts';
import { tallyColumns } from './projections/statistics.ts';

/** Read at a time. One piece is summed up while the next one is on its way, and between two of them the thread does what else there is. */
const pieceRows = 1_000;

/** Reads the longest periods that buckets are made of. */
export function readStatistics(
  database: PostgresDatabase,
  { bucketMs, from, to }: StatisticsRange,
): Promise<Statistics[]> {
  const periodMs = periods.findLast((period) => bucketMs % period === 0 && from % period === 0)!;
  return database.read(async (sql) => {
    const { generation } = await generationOf(sql, 'statistics');
    const rowsAfter = (start: number, type: string) =>
      sql.all<TallyRow>(
        `SELECT ${tallyColumns} FROM statistics
         WHERE generation = $1 AND period = $2 AND (start, webhook_type) > ($3, $4) AND start < $5
         ORDER BY start, webhook_type LIMIT ${pieceRows}`,
        [generation, periodMs, start, type, to],
      );
    const sums = new BucketSums({ bucketMs, from });
    // No type sorts before an empty one.
    let reading: Promise<TallyRow[]> | undefined = rowsAfter(from, '');
    while (reading !== undefined) {
      const rows: TallyRow[] = await reading;
      const last = rows.length < pieceRows ? undefined : rows.at(-1)!;
      reading = last && rowsAfter(last.start, last.webhook_type);
      // What fails meanwhile is told when it is waited for.
      reading?.catch(() => {});
      sums.add(rows);
    }
    return sums.statistics();
  });
}
