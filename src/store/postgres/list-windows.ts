import type { Position } from '../cursor.ts';
import { type Condition, timesOf } from '../filter.ts';
import type { ConversationFilter } from '../store.ts';
import type { SqlValue, Transaction } from './database.ts';

/**
 * Several filters that seldom or never hold at once leave the server with much to read, whichever index it goes along: it knows how many conversations each of
 * them has, not how many have all. What takes it too long is given up, and looked for in windows of time, the newest first, in each of which the indexes
 * alone say which conversations have everything. That stops after a while.
 */
export const atOnceMs = 40;
const budgetMs = 25;
/** Rows in the first window, and how long it is where there are fewer. */
const first = { rows: 1_000, spanMs: 86_400_000 };
/** How long one window should take: the next one is as much longer or shorter as that lets expect, and at most so many times as long. */
const windowMs = 16;
const growth = 8;

interface Window {
  /** Not before this time. */
  readonly from: number;
  /** Behind this place; undefined for the newest of all. */
  readonly after: Position | undefined;
}

/**
 * Calls `work` for one window after the other until it resolves with true. Resolves with the place behind which nobody has looked, when looking stopped for its
 * time.
 */
export async function goThroughWindows(
  sql: Transaction,
  filter: ConversationFilter,
  after: Position | undefined,
  work: (window: Window) => Promise<boolean>,
): Promise<Position | undefined> {
  const begun = performance.now();
  let end = after;
  let newest = await timeBehind(sql, filter, end, 0);
  const oldest = await timeBehind(sql, filter, end, first.rows);
  let spanMs = Math.max(1, oldest === undefined ? first.spanMs : newest! - oldest);
  while (newest !== undefined) {
    const windowBegun = performance.now();
    if (windowBegun - begun >= budgetMs) return end;
    const from: number = Math.max(0, newest - Math.ceil(spanMs));
    if (await work({ from, after: end })) return undefined;
    spanMs *= Math.min(growth, windowMs / (performance.now() - windowBegun));
    // No conversation has a smaller number.
    end = { receivedAt: from, id: 1 };
    newest = await timeBehind(sql, filter, end, 0);
  }
  return undefined;
}

/** When the conversation came that is so many behind a place. */
async function timeBehind(
  sql: Transaction,
  filter: ConversationFilter,
  after: Position | undefined,
  rows: number,
): Promise<number | undefined> {
  const values: SqlValue[] = [];
  const where = [...timesOf(filter).map((each) => conditionText(each, values)), ...behind(after, values)];
  const [found] = await sql.all<{ at: number }>(
    `SELECT received_at AS at FROM conversations ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}
     ORDER BY received_at DESC, id DESC OFFSET ${rows} LIMIT 1`,
    values,
  );
  return found?.at;
}

/** The places of the conversations of a window that have everything, of which the values become part of `values`. */
export function placesText(
  equalities: readonly Condition[],
  filter: ConversationFilter,
  { from, after }: Window,
  values: SqlValue[],
): string {
  const inWindow = [
    `received_at >= $${values.push(from)}`,
    ...timesOf(filter).map((each) => conditionText(each, values)),
    ...behind(after, values),
  ].join(' AND ');
  return equalities
    .map(
      (each) =>
        `SELECT received_at, id FROM conversations WHERE ${conditionText(each, values)} AND ${inWindow}`,
    )
    .join(' INTERSECT ');
}

const conditionText = ({ column, operator, value }: Condition, values: SqlValue[]): string =>
  `${column} ${operator} $${values.push(value)}`;

const behind = (after: Position | undefined, values: SqlValue[]): string[] =>
  after === undefined
    ? []
    : [`(received_at, id) < ($${values.push(after.receivedAt)}, $${values.push(after.id)})`];
