import type { ConversationSummary } from '../../record/conversation.ts';
import { cursorOf, type Position, positionOf } from '../cursor.ts';
import { equalitiesOf, pageLimit, timesOf } from '../filter.ts';
import {
  type BoundedCount,
  type ConversationFilter,
  type ConversationPage,
  countLimit,
  type PageOptions,
} from '../store.ts';
import type { PostgresDatabase, SqlValue, Transaction } from './database.ts';
import { withinMs } from './give-up.ts';
import { atOnceMs, goThroughWindows, placesText } from './list-windows.ts';
import { summaryColumns, toSummary } from './rows.ts';

type Row = ConversationSummary & { readonly id: number };

/** One page, newest first. */
export async function listConversations(
  database: PostgresDatabase,
  filter: ConversationFilter & PageOptions,
): Promise<ConversationPage> {
  const limit = pageLimit(filter);
  const after = filter.after === undefined ? undefined : positionOf(filter.after);
  return database.read(async (sql) => {
    const inOrder = () => rowsInOrder(sql, filter, after, limit + 1);
    const { rows, end } = isSimple(filter)
      ? await inOrder()
      : ((await withinMs(sql, atOnceMs, inOrder)) ?? (await rowsInWindows(sql, filter, after, limit + 1)));
    const shown = rows.slice(0, limit);
    const next = rows.length > limit ? shown.at(-1)! : end;
    const conversations = shown.map((row) => {
      const { id, ...summary } = toSummary(sql, row);
      return summary;
    });
    return { conversations, ...(next !== undefined && { next: cursorOf(next) }) };
  });
}

interface Found {
  readonly rows: readonly Row[];
  /** Where to go on, when looking stopped for its time. */
  readonly end?: Position | undefined;
}

/** Along the index that the server finds best. */
async function rowsInOrder(
  sql: Transaction,
  filter: ConversationFilter,
  after: Position | undefined,
  wanted: number,
): Promise<Found> {
  const { where, values } = whereOf(filter);
  if (after !== undefined) {
    where.push(`(received_at, id) < ($${values.push(after.receivedAt)}, $${values.push(after.id)})`);
  }
  const text = `SELECT id, ${summaryColumns} FROM conversations WHERE ${where.join(' AND ')}
    ORDER BY received_at DESC, id DESC LIMIT ${wanted}`;
  return { rows: await sql.all<Row>(text, values) };
}

export async function rowsInWindows(
  sql: Transaction,
  filter: ConversationFilter,
  after: Position | undefined,
  wanted: number,
): Promise<Found> {
  const rows: Row[] = [];
  const end = await goThroughWindows(sql, filter, after, async (window) => {
    const values: SqlValue[] = [];
    const places = placesText(equalitiesOf(filter), filter, window, values);
    const found = await sql.all<{ id: number }>(
      `${places} ORDER BY received_at DESC, id DESC LIMIT ${wanted - rows.length}`,
      values,
    );
    if (found.length > 0) rows.push(...(await rowsOf(sql, found)));
    return rows.length >= wanted;
  });
  return { rows, end };
}

function rowsOf(sql: Transaction, found: readonly { readonly id: number }[]): Promise<Row[]> {
  const text = `SELECT id, ${summaryColumns} FROM conversations WHERE id = ANY ($1) ORDER BY received_at DESC, id DESC`;
  return sql.all<Row>(text, [found.map(({ id }) => id)]);
}

export function countConversations(
  database: PostgresDatabase,
  filter: ConversationFilter,
): Promise<BoundedCount> {
  return database.read(async (sql) => {
    const all = () => countAll(sql, filter);
    const { count, isAll } = isSimple(filter)
      ? await all()
      : ((await withinMs(sql, atOnceMs, all)) ?? (await countInWindows(sql, filter)));
    return { count: Math.min(count, countLimit), exact: isAll && count <= countLimit };
  });
}

async function countAll(sql: Transaction, filter: ConversationFilter) {
  const { where, values } = whereOf(filter);
  const found = `SELECT 1 FROM conversations WHERE ${where.join(' AND ')} LIMIT ${countLimit + 1}`;
  return { count: await countOf(sql, found, values), isAll: true };
}

export async function countInWindows(sql: Transaction, filter: ConversationFilter) {
  let count = 0;
  const end = await goThroughWindows(sql, filter, undefined, async (window) => {
    const values: SqlValue[] = [];
    count += await countOf(sql, placesText(equalitiesOf(filter), filter, window, values), values);
    return count > countLimit;
  });
  return { count, isAll: end === undefined };
}

async function countOf(sql: Transaction, found: string, values: readonly SqlValue[]): Promise<number> {
  const [row] = await sql.all<{ n: number }>(`SELECT count(*) AS n FROM (${found}) AS found`, values);
  return row!.n;
}

/** What one index finds. */
const isSimple = (filter: ConversationFilter): boolean =>
  equalitiesOf(filter).length < 2 || filter.conversationId !== undefined;

function whereOf(filter: ConversationFilter) {
  const conditions = [...equalitiesOf(filter), ...timesOf(filter)];
  const where = conditions.map(({ column, operator }, at) => `${column} ${operator} $${at + 1}`);
  const values: SqlValue[] = conditions.map((condition) => condition.value);
  return { where: ['true', ...where], values };
}
