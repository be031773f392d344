import type { WebhookType } from '../../record/events.ts';
import { isPast, type RecordRetention, shortestOf } from '../../record/retention.ts';
import type { Sql } from '../../sqlite/database.ts';
import type { Task } from '../../sqlite/sweeper.ts';

export interface RecordRetentionOptions {
  /** How long complete conversations are kept. */
  readonly keep: RecordRetention;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
}

interface Candidate {
  readonly id: number;
  readonly tracking_id: string;
  readonly received_at: number;
  readonly completed_at: number | null;
  readonly webhook_type: WebhookType;
  readonly expired: number;
}

/**
 * Removes conversations that were complete long ago, with their events. Never removed are conversations that are not complete, those that
 * failed or were not delivered (their dead letter may still be started anew, and needs them), and the newest conversation and the
 * newest event, so that no number is given out twice. Exported files are left to whoever they were exported for.
 */
export function recordRetention({ keep, clock = Date.now }: RecordRetentionOptions): Task {
  return {
    name: 'conversations',
    piece(sql, after, limit) {
      const now = clock();
      const before = now - (shortestOf(keep) ?? Number.POSITIVE_INFINITY);
      const candidates = sql.all<Candidate>(candidatesText, before, after, limit);
      const expired = candidates.filter(
        (one) => one.expired === 1 && isPast(keep, one.webhook_type, one.completed_at!, now),
      );
      const removed = expired.filter((conversation) => remove(sql, conversation)).length;
      const areTooYoung = candidates.every((conversation) => conversation.received_at > before);
      const last = candidates.at(-1);
      const isThrough = last === undefined || candidates.length < limit || areTooYoung;
      return { removed, ...(!isThrough && { next: last.id }) };
    },
  };
}

const candidatesText = `
  SELECT id, tracking_id, received_at, completed_at, webhook_type,
    complete = 1 AND completed_at <= ? AND status NOT IN ('failed', 'delivery_failed')
    AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.run_id = conversations.tracking_id AND runs.ended_at IS NULL)
    AND id < (SELECT max(id) FROM conversations) AS expired
  FROM conversations WHERE id > ? ORDER BY id LIMIT ?`;

function remove(sql: Sql, { id, tracking_id: trackingId }: Candidate): boolean {
  const newest = sql.get<{ tracking_id: string }>(
    'SELECT tracking_id FROM events ORDER BY sequence DESC LIMIT 1',
  );
  if (newest?.tracking_id === trackingId) return false;
  sql.run('DELETE FROM events WHERE tracking_id = ?', trackingId);
  sql.run('DELETE FROM conversations WHERE id = ?', id);
  return true;
}
