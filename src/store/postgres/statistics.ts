import { BucketSums, periods, type Statistics, type TallyRow } from '../../record/statistics/statistics.ts';
import type { StatisticsRange } from '../store.ts';
import type { PostgresDatabase } from './database.ts';
import { generationOf } from './projections/following.ts';
import { tallyColumns } from './projections/statistics.ts';

/** Read and summed up at a time: between two pieces the thread does what else there is. */
const pieceRows = 500;

/** Reads the longest periods that buckets are made of. */
export function readStatistics(
  database: PostgresDatabase,
  { bucketMs, from, to }: StatisticsRange,
): Promise<Statistics[]> {
  const periodMs = periods.findLast((period) => bucketMs % period === 0 && from % period === 0)!;
  return database.read(async (sql) => {
    const { generation } = await generationOf(sql, 'statistics');
    const sums = new BucketSums({ bucketMs, from });
    // No type sorts before an empty one.
    let [start, type] = [from, ''];
    for (let isEnd = false; !isEnd; ) {
      const rows = await sql.all<TallyRow>(
        `SELECT ${tallyColumns} FROM statistics
         WHERE generation = $1 AND period = $2 AND (start, webhook_type) > ($3, $4) AND start < $5
         ORDER BY start, webhook_type LIMIT ${pieceRows}`,
        [generation, periodMs, start, type, to],
      );
      sums.add(rows);
      isEnd = rows.length < pieceRows;
      if (!isEnd) ({ start, webhook_type: type } = rows.at(-1)!);
    }
    return sums.statistics();
  });
}
