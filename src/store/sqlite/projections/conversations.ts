import { type ConversationSummary, project } from '../../../record/conversation.ts';
import { isEventType, type RecordedEvent } from '../../../record/events.ts';
import { snakeCase } from '../../../record/wire.ts';
import type { WriteSql } from '../../../sqlite/database.ts';
import { insertConversation, toSqlValues } from '../append.ts';
import { type ConversationRow, type EventRow, readableEvents, toSummary } from '../rows.ts';

/**
 * Looks whether conversations are what their events make of them, and puts right those that are not; returns how many. A conversation follows
 * from its own events alone, so that each is right, whole, as soon as its turn has come.
 */
export function mendConversations(sql: WriteSql, received: readonly RecordedEvent[]): number {
  return received.filter(({ trackingId }) => mend(sql, trackingId)).length;
}

function mend(sql: WriteSql, trackingId: string): boolean {
  let expected: ConversationSummary | undefined;
  const text = 'SELECT * FROM events WHERE tracking_id = ? ORDER BY sequence';
  const rows = sql.all<EventRow>(text, trackingId);
  const events = readableEvents(sql, rows);
  // Of what cannot be read nobody knows what it would make of the conversation.
  if (events.length < rows.length) return false;
  for (const event of events) {
    if (isEventType(event.type)) expected = project(expected, event);
  }
  const row = sql.get<ConversationRow>('SELECT * FROM conversations WHERE tracking_id = ?', trackingId);
  if (expected === undefined) return false;
  if (row === undefined) insertConversation(sql, expected);
  else if (isSame(toSummary(sql, row), expected)) return false;
  else replace(sql, expected);
  return true;
}

function isSame(one: ConversationSummary, other: ConversationSummary): boolean {
  return (Object.keys(other) as (keyof ConversationSummary)[]).every((name) => one[name] === other[name]);
}

function replace(sql: WriteSql, conversation: ConversationSummary): void {
  const columns = Object.keys(conversation).map((name) => `${snakeCase(name)} = ?`);
  const text = `UPDATE conversations SET ${columns.join(', ')} WHERE tracking_id = ?`;
  const { trackingId } = conversation;
  sql.run(text, ...toSqlValues(sql, trackingId, conversation), trackingId);
}
