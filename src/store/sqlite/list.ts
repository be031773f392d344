import type { Database, Sql } from '../../sqlite/database.ts';
import { cursorOf, type Position, positionOf } from '../cursor.ts';
import { type Condition, equalitiesOf, pageLimit, timesOf } from '../filter.ts';
import {
  type BoundedCount,
  type ConversationFilter,
  type ConversationPage,
  countLimit,
  type PageOptions,
} from '../store.ts';
import { type ConversationRow, toSummary } from './rows.ts';

/**
 * Lists go along one index, which gives rows in their order. Of several filters it is the one with the fewest rows, and
 * the others are looked at row by row: in pieces, between which everybody else has a turn, and not for ever.
 */
const pieceRows = 2_500;
const rowsAtMost = 20_000;

const indexOf: Readonly<Record<string, string>> = {
  conversation_id: 'conversations_by_conversation_id',
  account: 'conversations_by_account',
  status: 'conversations_by_status',
  source_system: 'conversations_by_source',
  source_process: 'conversations_by_process',
  webhook_type: 'conversations_by_type',
};

interface Plan {
  readonly index: string;
  /** What the index finds. */
  readonly along: readonly Condition[];
  /** What is looked at in each row. */
  readonly others: readonly Condition[];
}

/** One page, newest first. */
export async function listConversations(
  database: Database,
  filter: ConversationFilter & PageOptions,
): Promise<ConversationPage> {
  const limit = pageLimit(filter);
  const rows: ConversationRow[] = [];
  let position = filter.after === undefined ? undefined : positionOf(filter.after);
  const plan = await database.read((sql) => planOf(sql, filter));
  for (let looked = 0; looked < rowsAtMost; looked += pieceRows) {
    const from = position;
    const piece = await database.read((sql) => pieceOf(sql, plan, from, limit + 1 - rows.length));
    rows.push(...piece.rows);
    if (rows.length > limit) {
      const shown = rows.slice(0, limit);
      return { conversations: shown.map(toSummary), next: cursorOf(placeOf(shown.at(-1)!)) };
    }
    position = piece.end;
    if (position === undefined) return { conversations: rows.map(toSummary) };
  }
  return { conversations: rows.map(toSummary), next: cursorOf(position!) };
}

const placeOf = (row: Pick<ConversationRow, 'received_at' | 'id'>): Position => ({
  ...{ receivedAt: row.received_at, id: row.id },
});

export async function countConversations(
  database: Database,
  filter: ConversationFilter,
): Promise<BoundedCount> {
  const plan = await database.read((sql) => planOf(sql, filter));
  if (plan.others.length === 0) {
    const count = await database.read((sql) => countAlong(sql, plan, countLimit + 1));
    return { count: Math.min(count, countLimit), exact: count <= countLimit };
  }
  let count = 0;
  let position: Position | undefined;
  for (let looked = 0; looked < rowsAtMost; looked += pieceRows) {
    const from = position;
    const piece = await database.read((sql) => ({
      count: countPiece(sql, plan, from),
      end: endOf(sql, plan, from),
    }));
    count += piece.count;
    position = piece.end;
    if (position === undefined) return { count: Math.min(count, countLimit), exact: count <= countLimit };
  }
  return { count: Math.min(count, countLimit), exact: false };
}

function planOf(sql: Sql, filter: ConversationFilter): Plan {
  const [equalities, times] = [equalitiesOf(filter), timesOf(filter)];
  if (equalities.length === 0) return { index: 'conversations_by_time', along: times, others: [] };
  const plans = equalities.map((equality): Plan => {
    const others = equalities.filter((other) => other !== equality);
    return { index: indexOf[equality.column]!, along: [equality, ...times], others };
  });
  if (plans.length === 1) return plans[0]!;
  const sizes = new Map(plans.map((plan) => [plan, countAlong(sql, plan, rowsAtMost / 4)]));
  return plans.reduce((best, plan) => (sizes.get(plan)! < sizes.get(best)! ? plan : best));
}

interface Piece {
  readonly rows: readonly ConversationRow[];
  /** Where the next piece goes on; absent when there is none. */
  readonly end?: Position | undefined;
}

function pieceOf(sql: Sql, plan: Plan, after: Position | undefined, wanted: number): Piece {
  const { from, values } = alongText(plan, after);
  if (plan.others.length === 0) {
    const rows = sql.all<ConversationRow>(`SELECT * FROM ${from} ${inOrder} LIMIT ?`, ...values, wanted);
    return { rows };
  }
  const others = conditionText(plan.others);
  const rows = sql.all<ConversationRow>(
    `SELECT * FROM (SELECT * FROM ${from} ${inOrder} LIMIT ${pieceRows}) WHERE ${others} LIMIT ?`,
    ...values,
    ...plan.others.map((condition) => condition.value),
    wanted,
  );
  return { rows, end: rows.length === wanted ? undefined : endOf(sql, plan, after) };
}

function countPiece(sql: Sql, plan: Plan, after: Position | undefined): number {
  const { from, values } = alongText(plan, after);
  const text = `SELECT count(*) AS n FROM (SELECT * FROM ${from} ${inOrder} LIMIT ${pieceRows})
    WHERE ${conditionText(plan.others)}`;
  return sql.get<{ n: number }>(text, ...values, ...plan.others.map((condition) => condition.value))!.n;
}

/** The last row of a piece, if it has as many as a piece may have. */
function endOf(sql: Sql, plan: Plan, after: Position | undefined): Position | undefined {
  const { from, values } = alongText(plan, after);
  const text = `SELECT received_at, id FROM ${from} ${inOrder} LIMIT 1 OFFSET ${pieceRows - 1}`;
  const row = sql.get<{ received_at: number; id: number }>(text, ...values);
  return row && placeOf(row);
}

function countAlong(sql: Sql, plan: Plan, limit: number): number {
  const { from, values } = alongText(plan, undefined);
  const text = `SELECT count(*) AS n FROM (SELECT 1 FROM ${from} LIMIT ?)`;
  return sql.get<{ n: number }>(text, ...values, limit)!.n;
}

const inOrder = 'ORDER BY received_at DESC, id DESC';

/** What an index finds behind a place. */
function alongText({ index, along }: Plan, after: Position | undefined) {
  const behind = after === undefined ? '' : 'received_at <= ? AND (received_at < ? OR id < ?)';
  const where = [conditionText(along), behind].filter((text) => text !== '').join(' AND ');
  const values = along.map((condition) => condition.value);
  if (after !== undefined) values.push(after.receivedAt, after.receivedAt, after.id);
  return { from: `conversations INDEXED BY ${index}${where && ` WHERE ${where}`}`, values };
}

const conditionText = (conditions: readonly Condition[]): string =>
  conditions.map(({ column, operator }) => `${column} ${operator} ?`).join(' AND ');
