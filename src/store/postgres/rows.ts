import type { Json } from '../../core/json.ts';
import type { ConversationSummary } from '../../record/conversation.ts';
import type { RecordedEvent } from '../../record/events.ts';
import { snakeCase } from '../../record/wire.ts';
import type { SqlRow } from '../../sqlite/database.ts';
import type { DisabledEndpoint } from '../store.ts';
import { storable } from './storable.ts';

export interface EventRow {
  readonly sequence: number;
  readonly id: string;
  readonly tracking_id: string;
  readonly type: string;
  readonly at: number;
  readonly data: Json;
}

export function toEvent(row: EventRow): RecordedEvent {
  const { sequence, id, tracking_id: trackingId, type, at, data } = row;
  return { id, sequence, type, trackingId, at, data } as unknown as RecordedEvent;
}

/** The columns of a conversation with their types, in the order of the table; the names are those of the summary. */
const columnTypes = {
  trackingId: 'text',
  conversationId: 'text',
  deliveryId: 'text',
  status: 'text',
  deliveryStatus: 'text',
  complete: 'boolean',
  sourceSystem: 'text',
  sourceProcess: 'text',
  webhookType: 'text',
  account: 'text',
  queryStart: 'text',
  receivedAt: 'bigint',
  answeredAt: 'bigint',
  completedAt: 'bigint',
  nextAttemptAt: 'bigint',
  answerTimeMs: 'bigint',
  totalTimeMs: 'bigint',
  attempts: 'bigint',
  problem: 'text',
  exportPrefix: 'text',
  erasedAt: 'bigint',
} as const satisfies Record<keyof ConversationSummary, string>;

const names = Object.keys(columnTypes) as (keyof ConversationSummary)[];
const columns = names.map(snakeCase);

/** What a SELECT gives of a conversation, under the names of the summary. */
export const summaryColumns = names.map((name, at) => `${columns[at]} AS "${name}"`).join(', ');

/** Puts conversations in the place of what is there of them. `$1` are the ids of those that are new. */
export const putConversations = `
  INSERT INTO conversations (id, ${columns.join(', ')})
  SELECT * FROM unnest($1::bigint[], ${names.map((name, at) => `$${at + 2}::${columnTypes[name]}[]`).join(', ')})
  ON CONFLICT (tracking_id) DO UPDATE
  SET ${columns
    .slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`;

/** The values of `putConversations` after the first. */
export function columnValues(conversations: readonly ConversationSummary[]) {
  return names.map((name) => conversations.map((conversation) => conversation[name]));
}

/** The same of rows of the table in a file, which has the same columns and no booleans. */
export function fileColumnValues(rows: readonly SqlRow[]) {
  const kept = (value: unknown) =>
    (typeof value === 'string' ? storable(value) : value) as string | number | null;
  return names.map((name, at) =>
    rows.map((row) => (columnTypes[name] === 'boolean' ? row[columns[at]!] === 1 : kept(row[columns[at]!]))),
  );
}

/** Conversations `$1` with their values in the order of the columns, for comparing. */
export const summaryValuesText = `
  SELECT id, json_build_array(${columns.join(', ')}) AS values FROM conversations
  WHERE tracking_id = ANY ($1) ORDER BY id`;

/** Rows of columns as columns of rows. */
export function transposed<T>(columns: readonly (readonly T[])[]): T[][] {
  return (columns[0] ?? []).map((_, at) => columns.map((column) => column[at]!));
}

export interface EndpointRow {
  readonly url: string;
  readonly disabled_at: number;
  readonly reason: string;
}

export function toDisabledEndpoint(row: EndpointRow): DisabledEndpoint {
  return { url: row.url, disabledAt: row.disabled_at, reason: row.reason };
}
