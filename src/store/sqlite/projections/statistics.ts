import type { RecordedEvent } from '../../../record/events.ts';
import type { PeriodSum, Tallies } from '../../../record/statistics/remembered.ts';
import { addRow, type TallyRow, tally, toRow } from '../../../record/statistics/statistics.ts';
import type { ReadSql, WriteSql } from '../../../sqlite/database.ts';
import type { Generation } from '../../generation.ts';

const columns = 'webhook_type, delivered, failed, not_configured, total_ms, least_ms, most_ms, times';

/** Adds the completions of these events, each of which is given once. */
export function addCompletions(
  sql: WriteSql,
  { generation }: Generation,
  events: readonly RecordedEvent[],
): void {
  for (const each of tally(events)) {
    const present = sql.get<TallyRow>(
      `SELECT period, start, ${columns} FROM statistics
       WHERE generation = ? AND period = ? AND start = ? AND webhook_type = ?`,
      ...[generation, each.periodMs, each.start, each.webhookType],
    );
    if (present !== undefined) addRow(each, present);
    const row = toRow(each);
    sql.run(
      `INSERT OR REPLACE INTO statistics (generation, period, start, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[generation, row.period, row.start, row.webhook_type, row.delivered, row.failed, row.not_configured],
      ...[row.total_ms, row.least_ms, row.most_ms, row.times],
    );
  }
}

const inRange = 'generation = ? AND period = ? AND start >= ? AND start < ?';

/** What is there of each period, without reading the times. */
export function periodSums(sql: ReadSql, generation: number, { periodMs, from, to }: Tallies): PeriodSum[] {
  return sql.all<{ start: number; count: number; totalMs: number }>(
    `SELECT start, sum(delivered + failed + not_configured) AS count, sum(total_ms) AS totalMs
     FROM statistics WHERE ${inRange} GROUP BY start ORDER BY start`,
    ...[generation, periodMs, from, to],
  );
}

/** The tallies of one length that begin in a range, in the order of time: at most `limit`. */
export function tallies(
  sql: ReadSql,
  generation: number,
  of: Tallies & { readonly limit: number },
): TallyRow[] {
  return sql.all<TallyRow>(
    `SELECT period, start, ${columns} FROM statistics
     WHERE ${inRange} ORDER BY start LIMIT ?`,
    ...[generation, of.periodMs, of.from, of.to, of.limit],
  );
}

export function isStatisticsClear(sql: ReadSql, generation: number): boolean {
  return sql.get('SELECT 1 FROM statistics WHERE generation = ? LIMIT 1', generation) === undefined;
}

export function clearStatistics(sql: WriteSql, generation: number, limit: number): boolean {
  const text =
    'DELETE FROM statistics WHERE rowid IN (SELECT rowid FROM statistics WHERE generation = ? LIMIT ?)';
  return sql.run(text, generation, limit).changes < limit;
}
