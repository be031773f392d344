import {
  expiringSystemEvents,
  runOfSystemEvent,
  type SystemRetention,
  systemEventTypesText,
} from '../../record/system-retention.ts';
import type { Sql } from '../../sqlite/database.ts';
import type { Place, Task } from '../../sqlite/sweeper.ts';
import { type EventRow, readableEvents } from './rows.ts';

export interface SystemRetentionOptions {
  readonly keep: SystemRetention;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
}

/**
 * Removes old events that are of no conversation, in the order of their times, from an index that has them alone: what is not past its time is
 * not looked at. What says how an execution began stays as long as that has not ended, and the newest event, so that no number is given out twice.
 */
export function systemRetention({ keep, clock = Date.now }: SystemRetentionOptions): readonly Task[] {
  return expiringSystemEvents(keep).map(({ kind, type, keepMs }) => ({
    name: kind,
    piece(sql, after, limit) {
      const past = sql.all<EventRow>(pastText, type, clock() - keepMs, ...placeOf(after), limit);
      const removed = past.filter((row) => !isNeeded(sql, row));
      for (const { sequence } of removed) sql.run('DELETE FROM events WHERE sequence = ?', sequence);
      const last = past.at(-1);
      const isThrough = last === undefined || past.length < limit;
      return { removed: removed.length, ...(!isThrough && { next: `${last.at}.${last.sequence}` }) };
    },
  }));
}

// The list of types is that of the index, word by word: otherwise SQLite does not take it.
const pastText = `
  SELECT * FROM events WHERE type IN (${systemEventTypesText}) AND type = ? AND at <= ? AND (at, sequence) > (?, ?)
    AND sequence < (SELECT max(sequence) FROM events)
  ORDER BY at, sequence LIMIT ?`;

function placeOf(after: Place): [number, number] {
  const [at = 0, sequence = 0] = String(after).split('.').map(Number);
  return [at, sequence];
}

function isNeeded(sql: Sql, row: EventRow): boolean {
  const [event] = readableEvents(sql, [row]);
  const runId = event && runOfSystemEvent(event);
  return runId !== undefined && sql.get(unfinishedText, runId, runId) !== undefined;
}

const unfinishedText = `
  SELECT 1 FROM runs WHERE run_id = ? AND ended_at IS NULL
  UNION ALL SELECT 1 FROM conversations WHERE tracking_id = ? AND complete = 0`;
