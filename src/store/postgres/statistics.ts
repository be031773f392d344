import { BucketSums, periods, type Statistics, type TallyRow } from '../../record/statistics/statistics.ts';
import type { StatisticsRange } from '../store.ts';
import type { PostgresDatabase } from './database.ts';
import { generationOf } from './projections/following.ts';
import { tallyColumns } from './projections/statistics.ts';

/** Reads the longest periods that buckets are made of. */
export function readStatistics(
  database: PostgresDatabase,
  { bucketMs, from, to }: StatisticsRange,
): Promise<Statistics[]> {
  const periodMs = periods.findLast((period) => bucketMs % period === 0 && from % period === 0)!;
  return database.read(async (sql) => {
    const { generation } = await generationOf(sql, 'statistics');
    const rows = await sql.all<TallyRow>(
      `SELECT ${tallyColumns} FROM statistics
       WHERE generation = $1 AND period = $2 AND start >= $3 AND start < $4 ORDER BY start`,
      [generation, periodMs, from, to],
    );
    const sums = new BucketSums({ bucketMs, from });
    sums.add(rows);
    return sums.statistics();
  });
}
