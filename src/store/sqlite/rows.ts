import { openRow, openValue } from '../../encryption/sealed-table.ts';
import type { ConversationSummary } from '../../record/conversation.ts';
import type {
  ConversationStatus,
  DeliveryStatus,
  EventType,
  RecordedEvent,
  WebhookType,
} from '../../record/events.ts';
import type { ReadSql, SqlRow } from '../../sqlite/database.ts';
import { conversationContent, eventContent } from '../content.ts';
import type { DisabledEndpoint } from '../store.ts';
import { orUnreadable, readable } from '../unreadable.ts';

export interface EventRow {
  readonly sequence: number;
  readonly id: string;
  readonly tracking_id: string;
  readonly type: EventType;
  readonly at: number;
  readonly data: string;
}

export interface ConversationRow {
  readonly id: number;
  readonly tracking_id: string;
  readonly conversation_id: string;
  readonly delivery_id: string;
  readonly status: ConversationStatus;
  readonly delivery_status: DeliveryStatus;
  readonly complete: number;
  readonly source_system: string;
  readonly source_process: string;
  readonly webhook_type: WebhookType;
  readonly account: string | null;
  readonly query_start: string;
  readonly received_at: number;
  readonly answered_at: number | null;
  readonly completed_at: number | null;
  readonly next_attempt_at: number | null;
  readonly answer_time_ms: number | null;
  readonly total_time_ms: number | null;
  readonly attempts: number;
  readonly problem: string | null;
  readonly export_prefix: string | null;
  readonly erased_at: number | null;
}

/** Throws `value_unreadable`. */
export function toEvent(sql: ReadSql, row: EventRow): RecordedEvent {
  const { sequence, id, tracking_id: trackingId, type, at } = row;
  const data = openValue(sql.content, eventContent, 'data', row.data, trackingId, id);
  return { id, sequence, type, trackingId, at, data: JSON.parse(data) } as RecordedEvent;
}

/** For what goes through all events: one that cannot be read does not keep it from the others. */
export function readableEvents(sql: ReadSql, rows: readonly EventRow[]): RecordedEvent[] {
  return rows.flatMap((row) => readable(() => toEvent(sql, row)) ?? []);
}

export function toSummary(sql: ReadSql, sealed: ConversationRow): ConversationSummary {
  const row = openRow(sql.content, conversationContent, sealed);
  return {
    trackingId: row.tracking_id,
    conversationId: row.conversation_id,
    deliveryId: row.delivery_id,
    status: row.status,
    deliveryStatus: row.delivery_status,
    complete: row.complete === 1,
    sourceSystem: row.source_system,
    sourceProcess: row.source_process,
    webhookType: row.webhook_type,
    account: row.account,
    queryStart: orUnreadable(() => row.query_start),
    receivedAt: row.received_at,
    answeredAt: row.answered_at,
    completedAt: row.completed_at,
    nextAttemptAt: row.next_attempt_at,
    answerTimeMs: row.answer_time_ms,
    totalTimeMs: row.total_time_ms,
    attempts: row.attempts,
    problem: orUnreadable(() => row.problem),
    exportPrefix: row.export_prefix,
    erasedAt: row.erased_at,
  };
}

export function toDisabledEndpoint(row: SqlRow): DisabledEndpoint {
  return { url: String(row.url), disabledAt: Number(row.disabled_at), reason: String(row.reason) };
}
