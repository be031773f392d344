import type { ReadSource, ReadSql } from '../../sqlite/database.ts';
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
 * the others are looked up in their own indexes, so that only rows that are shown are read: in pieces, between which everybody else
 * has a turn, and not for ever.
 */
const pieceRows = 2_000;
const rowsAtMost = 20_000;
const budgetMs = 60;

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
  source: ReadSource,
  filter: ConversationFilter & PageOptions,
): Promise<ConversationPage> {
  const limit = pageLimit(filter);
  const after = filter.after === undefined ? undefined : positionOf(filter.after);
  const plan = await source.read((sql) => planOf(sql, filter));
  const ids: number[] = [];
  const end = await inPieces(source, plan, after, (sql, from) => {
    ids.push(...idsOf(sql, plan, from, limit + 1 - ids.length));
    return ids.length > limit;
  });
  const { shown, conversations, hasMore } = await source.read((sql) => {
    const rows = ids.flatMap((id) => rowOf(sql, id) ?? []);
    const shown = rows.slice(0, limit);
    return { shown, conversations: shown.map((row) => toSummary(sql, row)), hasMore: rows.length > limit };
  });
  const next = hasMore ? placeOf(shown.at(-1)!) : end;
  return { conversations, ...(next && { next: cursorOf(next) }) };
}

const rowOf = (sql: ReadSql, id: number) =>
  sql.get<ConversationRow>('SELECT * FROM conversations WHERE id = ?', id);

const placeOf = (row: Pick<ConversationRow, 'received_at' | 'id'>): Position => ({
  ...{ receivedAt: row.received_at, id: row.id },
});

export async function countConversations(
  source: ReadSource,
  filter: ConversationFilter,
): Promise<BoundedCount> {
  const plan = await source.read((sql) => planOf(sql, filter));
  if (plan.others.length === 0) {
    const count = await source.read((sql) => countAlong(sql, plan, countLimit + 1));
    return { count: Math.min(count, countLimit), exact: count <= countLimit };
  }
  let count = 0;
  const end = await inPieces(source, plan, undefined, (sql, from) => {
    count += countPiece(sql, plan, from);
    return count > countLimit;
  });
  return { count: Math.min(count, countLimit), exact: end === undefined && count <= countLimit };
}

/** Goes along the index until `work` says that it is enough; returns where it could go on, or undefined at its end. */
async function inPieces(
  source: ReadSource,
  plan: Plan,
  after: Position | undefined,
  work: (sql: ReadSql, after: Position | undefined) => boolean,
): Promise<Position | undefined> {
  let position = after;
  for (let [looked, spentMs] = [0, 0]; looked < rowsAtMost && spentMs < budgetMs; looked += pieceRows) {
    const from = position;
    const piece = await source.read((sql) => {
      const begun = performance.now();
      const isEnough = work(sql, from);
      const end = isEnough || plan.others.length === 0 ? undefined : endOf(sql, plan, from);
      return { end, isEnough, tookMs: performance.now() - begun };
    });
    position = piece.end;
    if (position === undefined) return undefined;
    spentMs += piece.tookMs;
  }
  return position;
}

function planOf(sql: ReadSql, filter: ConversationFilter): Plan {
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

/** The conversations of one piece that have everything, at most as many as are wanted. */
function idsOf(sql: ReadSql, plan: Plan, after: Position | undefined, wanted: number): number[] {
  const { from, values } = alongText(plan, after);
  if (plan.others.length === 0) {
    const rows = sql.all<{ id: number }>(`SELECT id FROM ${from} ${inOrder} LIMIT ?`, ...values, wanted);
    return rows.map((row) => row.id);
  }
  const piece = pieceText(plan, from);
  const others = plan.others.map((condition) => condition.value);
  const rows = sql.all<{ id: number }>(`SELECT id FROM ${piece} LIMIT ?`, ...values, ...others, wanted);
  return rows.map((row) => row.id);
}

function countPiece(sql: ReadSql, plan: Plan, after: Position | undefined): number {
  const { from, values } = alongText(plan, after);
  const others = plan.others.map((condition) => condition.value);
  return sql.get<{ n: number }>(`SELECT count(*) AS n FROM ${pieceText(plan, from)}`, ...values, ...others)!
    .n;
}

function pieceText({ others }: Plan, from: string): string {
  const has = others.map(
    ({ column }) => `EXISTS (SELECT 1 FROM conversations AS other INDEXED BY ${indexOf[column]}
      WHERE other.${column} = ? AND other.received_at = found.received_at AND other.id = found.id)`,
  );
  return `(SELECT received_at, id FROM ${from} ${inOrder} LIMIT ${pieceRows}) AS found WHERE ${has.join(' AND ')}`;
}

/** The last row of a piece, if it has as many as a piece may have. */
function endOf(sql: ReadSql, plan: Plan, after: Position | undefined): Position | undefined {
  const { from, values } = alongText(plan, after);
  const text = `SELECT received_at, id FROM ${from} ${inOrder} LIMIT 1 OFFSET ${pieceRows - 1}`;
  const row = sql.get<{ received_at: number; id: number }>(text, ...values);
  return row && placeOf(row);
}

function countAlong(sql: ReadSql, plan: Plan, limit: number): number {
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
