import type { WebhookType } from '../../record/events.ts';
import { isPast, type RecordRetention, shortestOf } from '../../record/retention.ts';
import type { RetentionTask } from './retention.ts';

interface Candidate {
  readonly id: number;
  readonly tracking_id: string;
  readonly received_at: number;
  readonly completed_at: number | null;
  readonly webhook_type: WebhookType;
  readonly expired: boolean;
}

/** Conversations that failed or were not delivered stay: their dead letter may still be started anew, and needs them. */
const candidatesText = `
  SELECT id, tracking_id, received_at, completed_at, webhook_type,
    complete AND completed_at <= $1 AND status NOT IN ('failed', 'delivery_failed') AS expired
  FROM conversations WHERE id > $2 ORDER BY id LIMIT $3`;

/** Removes conversations that were complete long ago, with their events. */
export const recordRetention = (keep: RecordRetention): RetentionTask => ({
  name: 'conversations',
  async piece(sql, { now, after, limit }) {
    const before = now - (shortestOf(keep) ?? now);
    const candidates = await sql.all<Candidate>(candidatesText, [before, after ?? 0, limit]);
    const past = candidates
      .filter((one) => one.expired && isPast(keep, one.webhook_type, one.completed_at!, now))
      .map((one) => one.tracking_id);
    await sql.run('DELETE FROM events WHERE tracking_id = ANY ($1)', [past]);
    const removed = await sql.run('DELETE FROM conversations WHERE tracking_id = ANY ($1)', [past]);
    const isThrough = candidates.length < limit || candidates.every((each) => each.received_at > before);
    return { removed, ...(!isThrough && { next: candidates.at(-1)!.id }) };
  },
});
