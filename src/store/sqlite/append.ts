import type { SQLInputValue } from 'node:sqlite';
import { sealValue } from '../../encryption/sealed-table.ts';
import type { StampedFact } from '../../engine/engine.ts';
import {
  begin,
  type ConversationChange,
  type ConversationSummary,
  changeOf,
  type Guard,
  guardOf,
} from '../../record/conversation.ts';
import {
  isConversationEvent,
  isEventType,
  type RecordedEvent,
  toRecordedEvent,
} from '../../record/events.ts';
import { snakeCase } from '../../record/wire.ts';
import type { WriteSql } from '../../sqlite/database.ts';
import { conversationContent, eventContent } from '../content.ts';

/**
 * Writes facts into the record and projects them, in the transaction that `sql` stands for; returns the events that were
 * not there yet. A fact that is no event of ours is kept and changes no conversation.
 */
export function appendFacts(sql: WriteSql, facts: readonly StampedFact[]): RecordedEvent[] {
  const appended: RecordedEvent[] = [];
  for (const fact of facts) {
    const sequence = insertEvent(sql, fact);
    if (sequence === undefined || !isEventType(fact.type)) continue;
    const event = toRecordedEvent(fact, sequence);
    appended.push(event);
    if (event.type === 'WEBHOOK_REQUEST_RECEIVED') insertConversation(sql, begin(event));
  }
  for (const update of updatesOf(appended)) updateConversation(sql, update);
  return appended;
}

function insertEvent(sql: WriteSql, fact: StampedFact): number | undefined {
  const { changes, lastInsertRowid } = sql.run(
    'INSERT INTO events (id, tracking_id, type, at, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    fact.id,
    fact.subject,
    fact.type,
    fact.at,
    sealValue(sql.content, eventContent, 'data', JSON.stringify(fact.data), fact.subject, fact.id),
  );
  return changes === 1 ? lastInsertRowid : undefined;
}

interface Update {
  readonly trackingId: string;
  readonly deliveryId: string;
  readonly guard: Guard;
  readonly change: ConversationChange;
}

/** The changes of the events in their order; those of one delivery that follow each other are one. */
function updatesOf(events: readonly RecordedEvent[]): Update[] {
  const updates: Update[] = [];
  for (const event of events) {
    if (!isConversationEvent(event) || event.type === 'WEBHOOK_REQUEST_RECEIVED') continue;
    const { trackingId } = event;
    const { deliveryId } = event.data;
    const guard = guardOf(event.type);
    const last = updates.at(-1);
    if (last !== undefined && canMerge(last, { trackingId, deliveryId, guard })) {
      Object.assign(last.change, changeOf(event));
    } else updates.push({ trackingId, deliveryId, guard, change: changeOf(event) });
  }
  return updates;
}

/** What makes a conversation `delivered` is the end of an update: nothing after it may count. */
function canMerge(last: Update, next: Omit<Update, 'change'>): boolean {
  return (
    last.guard === 'same_delivery' &&
    next.guard === 'same_delivery' &&
    last.deliveryId === next.deliveryId &&
    last.trackingId === next.trackingId &&
    last.change.status !== 'delivered'
  );
}

export function insertConversation(sql: WriteSql, conversation: ReturnType<typeof begin>): void {
  const [statement, values] = insertStatement(sql, conversation);
  sql.run(statement, ...values);
}

let insertText: string | undefined;

function insertStatement(sql: WriteSql, conversation: ReturnType<typeof begin>): [string, SQLInputValue[]] {
  if (insertText === undefined) {
    const columns = Object.keys(conversation).map(snakeCase);
    const places = columns.map(() => '?').join(', ');
    insertText = `INSERT INTO conversations (${columns.join(', ')}) VALUES (${places}) ON CONFLICT DO NOTHING`;
  }
  return [insertText, toSqlValues(sql, conversation.trackingId, conversation)];
}

const guards: Readonly<Record<Guard, string>> = {
  always: '',
  undelivered: " AND status <> 'delivered'",
  same_delivery: " AND status <> 'delivered' AND delivery_id = ?",
};

/** UPDATE statements by what they set; there are about a dozen. */
const updateTexts = new Map<string, string>();

function updateConversation(sql: WriteSql, { trackingId, deliveryId, guard, change }: Update): void {
  const names = Object.keys(change);
  if (names.length === 0) return;
  const key = `${guard} ${names}`;
  let text = updateTexts.get(key);
  if (text === undefined) {
    const columns = names.map((name) => `${snakeCase(name)} = ?`).join(', ');
    text = `UPDATE conversations SET ${columns} WHERE tracking_id = ?${guards[guard]}`;
    updateTexts.set(key, text);
  }
  const values = toSqlValues(sql, trackingId, change);
  values.push(trackingId);
  if (guard === 'same_delivery') values.push(deliveryId);
  sql.run(text, ...values);
}

/** The values of a conversation for its columns, content sealed. */
export function toSqlValues(
  sql: WriteSql,
  trackingId: string,
  conversation: Partial<ConversationSummary>,
): SQLInputValue[] {
  return Object.entries(conversation).map(([name, value]) => {
    if (typeof value === 'boolean') return Number(value);
    if (typeof value !== 'string') return value;
    if (name !== 'queryStart' && name !== 'problem') return value;
    const column = name === 'problem' ? 'problem' : 'query_start';
    return sealValue(sql.content, conversationContent, column, value, trackingId);
  });
}
