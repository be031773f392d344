import type { Json } from '../../core/json.ts';
import { plainContent } from '../../encryption/content.ts';
import { openValue, type SealedTable, sealValue } from '../../encryption/sealed-table.ts';
import type { ConversationSummary } from '../../record/conversation.ts';
import type { RecordedEvent } from '../../record/events.ts';
import { snakeCase } from '../../record/wire.ts';
import type { SqlRow } from '../../sqlite/database.ts';
import { conversationContent, eventContent } from '../content.ts';
import type { DisabledEndpoint } from '../store.ts';
import { orUnreadable, readable } from '../unreadable.ts';
import type { Transaction } from './database.ts';
import { storable } from './storable.ts';

export interface EventRow {
  readonly sequence: number;
  readonly id: string;
  readonly tracking_id: string;
  readonly type: string;
  readonly at: number;
  readonly data: Json;
}

/** Throws `value_unreadable`. */
export function toEvent(sql: Transaction, row: EventRow): RecordedEvent {
  const { sequence, id, tracking_id: trackingId, type, at } = row;
  const data = openParsed(sql, eventContent, 'data', row.data, trackingId, id);
  return { id, sequence, type, trackingId, at, data } as unknown as RecordedEvent;
}

/** For what goes through all events: one that cannot be read does not keep it from the others. */
export function readableEvents(sql: Transaction, rows: readonly EventRow[]): RecordedEvent[] {
  return rows.flatMap((row) => readable(() => toEvent(sql, row)) ?? []);
}

/** A value of a JSON column as the driver gives it, of which all that is plain are objects. */
export function openParsed<Column extends string>(
  { content }: Pick<Transaction, 'content'>,
  table: SealedTable<Column>,
  column: Column,
  value: Json,
  ...row: (string | number)[]
): Json {
  if (typeof value !== 'string') return value;
  return JSON.parse(openValue(content, table, column, JSON.stringify(value), ...row));
}

/** A conversation as `summaryColumns` give it. */
export function toSummary<Row extends ConversationSummary>({ content }: Transaction, row: Row): Row {
  const open = (column: 'query_start' | 'problem', text: string) =>
    orUnreadable(() => openValue(content, conversationContent, column, text, row.trackingId));
  const { queryStart, problem } = row;
  return {
    ...row,
    queryStart: open('query_start', queryStart),
    problem: problem === null ? null : open('problem', problem),
  };
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
export function columnValues({ content }: Transaction, conversations: readonly ConversationSummary[]) {
  const sealed = conversations.map((each) => {
    const seal = <Text extends string | null>(column: 'query_start' | 'problem', text: Text): Text =>
      sealValue(content, conversationContent, column, text && (storable(text) as Text), each.trackingId);
    return {
      ...each,
      queryStart: seal('query_start', each.queryStart),
      problem: seal('problem', each.problem),
    };
  });
  return names.map((name) => sealed.map((conversation) => conversation[name]));
}

/**
 * The same of rows of the table in a file, which has the same columns and no booleans; as they are without a `content` to
 * seal them with.
 */
export function fileColumnValues(rows: readonly SqlRow[], content = plainContent) {
  const kept = (column: string, row: SqlRow) => {
    const value = row[column];
    if (typeof value !== 'string') return value as number | null;
    if (!isContent(column)) return storable(value);
    return sealValue(content, conversationContent, column, storable(value), String(row.tracking_id));
  };
  return names.map((name, at) =>
    rows.map((row) => (columnTypes[name] === 'boolean' ? row[columns[at]!] === 1 : kept(columns[at]!, row))),
  );
}

const isContent = (column: string): column is 'query_start' | 'problem' =>
  column in conversationContent.columns;

/** The values of `summaryValuesText`, opened. */
export function openedValues({ content }: Transaction, values: readonly unknown[]): unknown[] {
  const trackingId = String(values[columns.indexOf('tracking_id')]);
  return values.map((value, at) => {
    const column = columns[at]!;
    if (typeof value !== 'string' || !isContent(column)) return value;
    return openValue(content, conversationContent, column, value, trackingId);
  });
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
