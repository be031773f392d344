import { type ConversationSummary, project } from '../../../record/conversation.ts';
import { isEventType, type RecordedEvent } from '../../../record/events.ts';
import type { Transaction } from '../database.ts';
import { takeLock } from '../locks.ts';
import {
  columnValues,
  type EventRow,
  putConversations,
  readableEvents,
  summaryColumns,
  toSummary,
} from '../rows.ts';

/**
 * Looks whether conversations are what their events make of them, and puts right those that are not; returns how many. Nobody else writes
 * conversations meanwhile.
 */
export async function mendConversations(
  sql: Transaction,
  received: readonly RecordedEvent[],
): Promise<number> {
  const trackingIds = [...new Set(received.map((event) => event.trackingId))];
  if (trackingIds.length === 0) return 0;
  await takeLock(sql, 'append');
  const rows = await sql.all<EventRow>(
    'SELECT * FROM events WHERE tracking_id = ANY ($1) ORDER BY sequence',
    [trackingIds],
  );
  const present = await sql.all<ConversationSummary>(
    `SELECT ${summaryColumns} FROM conversations WHERE tracking_id = ANY ($1)`,
    [trackingIds],
  );
  const before = new Map(present.map((row) => [row.trackingId, toSummary(sql, row)]));
  const [expected, firsts] = projected(wholeLogs(sql, rows));
  const wrong = [...expected.values()].filter((each) => !isSame(before.get(each.trackingId), each));
  if (wrong.length === 0) return 0;
  await sql.run(putConversations, [
    wrong.map((each) => firsts.get(each.trackingId)!),
    ...columnValues(sql, wrong),
  ]);
  return wrong.length;
}

/** Of what cannot be read nobody knows what it would make of its conversation: that stays as it is. */
function wholeLogs(sql: Transaction, rows: readonly EventRow[]): RecordedEvent[] {
  const logs = Map.groupBy(rows, (row) => row.tracking_id);
  return [...logs.values()].flatMap((log) => {
    const events = readableEvents(sql, log);
    return events.length < log.length ? [] : events;
  });
}

/** By tracking id: what the events make, and the number of the first of them. */
function projected(events: readonly RecordedEvent[]) {
  const conversations = new Map<string, ConversationSummary>();
  const firsts = new Map<string, number>();
  for (const event of events) {
    if (!isEventType(event.type)) continue;
    const { trackingId, sequence } = event;
    const after = project(conversations.get(trackingId), event);
    if (after === undefined) continue;
    conversations.set(trackingId, after);
    if (!firsts.has(trackingId)) firsts.set(trackingId, sequence);
  }
  return [conversations, firsts] as const;
}

function isSame(one: ConversationSummary | undefined, other: ConversationSummary): boolean {
  if (one === undefined) return false;
  return (Object.keys(other) as (keyof ConversationSummary)[]).every((name) => one[name] === other[name]);
}
