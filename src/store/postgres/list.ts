import type { ConversationSummary } from '../../record/conversation.ts';
import { cursorOf, positionOf } from '../cursor.ts';
import { equalitiesOf, pageLimit, timesOf } from '../filter.ts';
import {
  type BoundedCount,
  type ConversationFilter,
  type ConversationPage,
  countLimit,
  type PageOptions,
} from '../store.ts';
import type { PostgresDatabase, SqlValue } from './database.ts';
import { summaryColumns, toSummary } from './rows.ts';

/** One page, newest first. Which index is best for several filters is the server's to know: it keeps statistics. */
export async function listConversations(
  database: PostgresDatabase,
  filter: ConversationFilter & PageOptions,
): Promise<ConversationPage> {
  const limit = pageLimit(filter);
  const { where, values } = whereOf(filter);
  if (filter.after !== undefined) {
    const { receivedAt, id } = positionOf(filter.after);
    where.push(`(received_at, id) < ($${values.push(receivedAt)}, $${values.push(id)})`);
  }
  const text = `SELECT id, ${summaryColumns} FROM conversations WHERE ${where.join(' AND ')}
    ORDER BY received_at DESC, id DESC LIMIT ${limit + 1}`;
  const rows = await database.read(async (sql) =>
    (await sql.all<ConversationSummary & { id: number }>(text, values)).map((row) => toSummary(sql, row)),
  );
  const shown = rows.slice(0, limit);
  const next = rows.length > limit ? cursorOf(shown.at(-1)!) : undefined;
  return { conversations: shown.map(({ id, ...rest }) => rest), ...(next !== undefined && { next }) };
}

export async function countConversations(
  database: PostgresDatabase,
  filter: ConversationFilter,
): Promise<BoundedCount> {
  const { where, values } = whereOf(filter);
  const text = `SELECT count(*) AS n FROM
    (SELECT 1 FROM conversations WHERE ${where.join(' AND ')} LIMIT ${countLimit + 1}) AS found`;
  const [row] = await database.read((sql) => sql.all<{ n: number }>(text, values));
  return { count: Math.min(row!.n, countLimit), exact: row!.n <= countLimit };
}

function whereOf(filter: ConversationFilter) {
  const conditions = [...equalitiesOf(filter), ...timesOf(filter)];
  const where = conditions.map(({ column, operator }, at) => `${column} ${operator} $${at + 1}`);
  const values: SqlValue[] = conditions.map((condition) => condition.value);
  return { where: ['true', ...where], values };
}
