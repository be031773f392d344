import {
  expiringSystemEvents,
  runOfSystemEvent,
  type SystemRetention,
  systemEventTypesText,
} from '../../record/system-retention.ts';
import type { Transaction } from './database.ts';
import type { RetentionTask } from './retention.ts';
import { type EventRow, readableEvents } from './rows.ts';

/**
 * Removes old events that are of no conversation, in the order of their times, from an index that has them alone. What says how an execution
 * began stays as long as its conversation is not complete.
 */
export const systemRetention = (keep: SystemRetention): readonly RetentionTask[] =>
  expiringSystemEvents(keep).map(({ kind, type, keepMs }) => ({
    name: kind,
    async piece(sql, { now, after, limit }) {
      const [at = '0', sequence = '0'] = String(after ?? '0.0').split('.');
      const past = await sql.all<EventRow>(pastText, [type, now - keepMs, at, sequence, limit]);
      const needed = await runsInProgress(sql, past);
      const sequences = past.filter((row) => !needed.has(runOf(sql, row))).map((row) => row.sequence);
      const removed = await sql.run('DELETE FROM events WHERE sequence = ANY ($1)', [sequences]);
      const last = past.at(-1);
      const isThrough = last === undefined || past.length < limit;
      return { removed, ...(!isThrough && { next: `${last.at}.${last.sequence}` }) };
    },
  }));

const pastText = `
  SELECT * FROM events WHERE type IN (${systemEventTypesText}) AND type = $1 AND at <= $2
    AND (at, sequence) > ($3::bigint, $4::bigint)
  ORDER BY at, sequence LIMIT $5`;

/** Of what cannot be read nobody knows whose it was. */
function runOf(sql: Transaction, row: EventRow): string | undefined {
  const [event] = readableEvents(sql, [row]);
  return event && runOfSystemEvent(event);
}

async function runsInProgress(sql: Transaction, rows: readonly EventRow[]): Promise<Set<string | undefined>> {
  const runIds = rows.map((row) => runOf(sql, row)).filter((runId) => runId !== undefined);
  if (runIds.length === 0) return new Set();
  const text = 'SELECT tracking_id FROM conversations WHERE tracking_id = ANY ($1) AND NOT complete';
  const found = await sql.all<{ tracking_id: string }>(text, [runIds]);
  return new Set(found.map((row) => row.tracking_id));
}
