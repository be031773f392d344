import type { ConversationSummary } from '../../record/conversation.ts';
import type { Condition } from '../filter.ts';
import type { SqlValue, Transaction } from './database.ts';
import { withinMs } from './give-up.ts';
import { summaryColumns } from './rows.ts';

/**
 * The index of words gives matches in no order, so that all of them would be read for the page with the newest. It has the block of each conversation
 * beside its words: its number without the last bits. So it is asked for the matches in a window of some blocks, and for those in the next one when a
 * page has room for more: a larger one when there were few. Larger blocks are in the index as well, so that it is asked for few (`migrations/013`).
 */
const blockBits = 12;
const blockNumbers = 2 ** blockBits;
/** Blocks in a block of the next level. */
const perLevel = 8;
const highestLevel = 2;
const blockText = 'ARRAY[(id >> 12) * 4, (id >> 15) * 4 + 1, (id >> 18) * 4 + 2]';
const blocksAtMost = 256;
/** The next window has at most so many times as many blocks. Where what the index finds is looked at itself, fewer are read before it is known how long that takes. */
const growth = { most: 8, withQuery: 3 };

/**
 * Of one window, for each row that is wanted: the index knows nearly all that is asked of a row, but not its status. A window that has more is left for a smaller
 * one.
 */
const matchesForRow = { most: 3, withStatus: 20 };
/** How long one window should take: the next one is as large as that lets expect. */
const windowMs = 16;
/** The index is not asked for a beginning any more when that takes so long for one window. */
const indexMs = 80;
/** How long a page is looked for: no window is begun after that. */
const budgetMs = 40;

/**
 * For what begins with something the index puts together all conversations that it has under any such word, each time. Where many have it, few of
 * the newest have to be looked at themselves. So many blocks are, and more only where that is likely to be enough.
 */
const walkedBlocks = { first: 4, most: 16 };

export interface Looking {
  readonly table: string;
  /** What the index is asked for: each holds. */
  readonly keys: readonly string[];
  /** The same, of what conversations are filtered by. */
  readonly facets: readonly string[];
  /** All that is looked for, unless that is what the index is asked for. */
  readonly query: string | undefined;
  /** Whether the index is asked for a beginning. */
  readonly isBeginning: boolean;
  /** What is asked of the rows. */
  readonly conditions: readonly Condition[];
}

export type FoundRow = ConversationSummary & { readonly id: number };

interface Page {
  readonly rows: readonly FoundRow[];
  /** Where to go on, when looking stopped for its time. */
  readonly end: number | undefined;
}

/** The newest matches below a number. */
export async function lookInWindows(
  sql: Transaction,
  looking: Looking,
  { before, wanted }: { readonly before: number; readonly wanted: number },
): Promise<Page> {
  const begun = performance.now();
  const hasStatus = looking.conditions.some(({ column }) => column === 'status');
  const limit = (hasStatus ? matchesForRow.withStatus : matchesForRow.most) * wanted;
  const rows: FoundRow[] = [];
  let pace: Pace = { blocks: 1, isWalking: looking.isBeginning, walked: 0 };
  let [end, newest] = [before, await newestBelow(sql, looking.table, before)];
  while (newest !== undefined) {
    const windowBegun = performance.now();
    if (windowBegun - begun >= budgetMs) return { rows, end };
    const last = Math.floor(newest / blockNumbers);
    const first = Math.max(0, last - pace.blocks + 1);
    const window = { first, last, before: end, limit };
    const found = pace.isWalking
      ? await walk(sql, looking, window)
      : await (looking.isBeginning ? askWithinTime : askIndex)(sql, looking, window);
    if (found === undefined) {
      pace = { blocks: 1, isWalking: true, walked: Number.NEGATIVE_INFINITY };
      continue;
    }
    const { ids } = found;
    if (ids.length === limit && first < last) {
      pace = { ...pace, blocks: Math.ceil(pace.blocks / growth.most) };
      continue;
    }
    rows.push(...(await rowsOf(sql, looking, ids, wanted - rows.length)));
    if (rows.length >= wanted) break;
    const tookMs = performance.now() - windowBegun;
    pace = nextPace(pace, {
      missing: (limit / 2) * (1 - rows.length / wanted),
      ...{ matches: ids.length, tookMs },
      growth: looking.query === undefined ? growth.most : growth.withQuery,
    });
    end = ids.length === limit ? ids.at(-1)! : first * blockNumbers;
    newest = ids.length === limit ? end - 1 : found.newestBelow;
  }
  return { rows, end: undefined };
}

interface Pace {
  /** In the next window. */
  readonly blocks: number;
  readonly isWalking: boolean;
  readonly walked: number;
}

interface Outcome {
  /** Matches that are likely to be enough, and those that there were. */
  readonly missing: number;
  readonly matches: number;
  readonly tookMs: number;
  readonly growth: number;
}

/** As many blocks as are likely to have what is missing. */
function nextPace({ blocks, isWalking, walked }: Pace, { missing, matches, tookMs, growth }: Outcome): Pace {
  const likely = Math.ceil((blocks * missing) / Math.max(matches, 0.1));
  if (isWalking) {
    const after = walked + blocks;
    const most = likely <= walkedBlocks.most ? walkedBlocks.most : walkedBlocks.first;
    if (after < most) return { blocks: Math.min(likely, most - after, 3), isWalking, walked: after };
  }
  const most = Math.ceil(blocks * Math.min(growth, windowMs / tookMs));
  return { blocks: Math.min(likely, most, blocksAtMost), isWalking: false, walked };
}

async function newestBelow(sql: Transaction, table: string, before: number): Promise<number | undefined> {
  const text = `SELECT max(id) AS newest FROM ${table} WHERE id < $1`;
  return (await sql.all<{ newest: number | null }>(text, [before]))[0]!.newest ?? undefined;
}

interface Window {
  /** Blocks, both included. */
  readonly first: number;
  readonly last: number;
  readonly before: number;
  readonly limit: number;
}

interface Found {
  /** The newest first; of more than the limit, those of one block are the newest, and others any. */
  readonly ids: readonly number[];
  /** The conversation before the window: numbers have gaps, where records were copied. */
  readonly newestBelow: number | undefined;
}

/** Numbers are compared as sums, so that the server goes along no other index. */
function askIndex(sql: Transaction, looking: Looking, window: Window): Promise<Found | undefined> {
  const { first, last, before, limit } = window;
  const { table, keys, facets, query } = looking;
  const values: SqlValue[] = [first * blockNumbers, before, coveringBlocks(first, last)];
  const where = [...facets, ...keys].map((key) => `words @@ $${values.push(key)}::tsquery`);
  if (query !== undefined) where.push(`(words @@ $${values.push(query)}::tsquery) IS TRUE`);
  const matches = `SELECT id FROM ${table} WHERE id + 0 < $2 AND ${blockText} && $3::bigint[] AND ${where.join(' AND ')}`;
  return find(
    sql,
    table,
    `${matches} ${first === last ? 'ORDER BY id + 0 DESC' : ''} LIMIT ${limit}`,
    values,
  );
}

const askWithinTime: typeof askIndex = (sql, looking, window) =>
  withinMs(sql, indexMs, async () => (await askIndex(sql, looking, window))!);

/** The largest blocks that make up those of the lowest level from the first to the last. */
function coveringBlocks(first: number, last: number): number[] {
  const covering: number[] = [];
  for (let at = first; at <= last; ) {
    let level = highestLevel;
    while (at % perLevel ** level > 0 || at + perLevel ** level - 1 > last) level--;
    covering.push((at / perLevel ** level) * 4 + level);
    at += perLevel ** level;
  }
  return covering;
}

/** Asked in this way, the server does not use the index of words. */
function walk(sql: Transaction, { table, keys, facets, query }: Looking, window: Window): Promise<Found> {
  const { first, before, limit } = window;
  const values: SqlValue[] = [first * blockNumbers, before];
  const where = [query ?? keys.join(' & '), ...facets].map(
    (each) => `(words @@ $${values.push(each)}::tsquery) IS TRUE`,
  );
  const matches = `SELECT id FROM ${table} WHERE id >= $1 AND id < $2 AND ${where.join(' AND ')}`;
  return find(sql, table, `${matches} ORDER BY id DESC LIMIT ${limit}`, values);
}

async function find(
  sql: Transaction,
  table: string,
  matches: string,
  values: readonly SqlValue[],
): Promise<Found> {
  const rows = await sql.all<{ id: number | null; isMatch: boolean }>(
    `(SELECT id, true AS "isMatch" FROM (${matches}) AS found)
     UNION ALL (SELECT max(id), false FROM ${table} WHERE id < $1)`,
    values,
  );
  const ids = rows.flatMap(({ id, isMatch }) => (isMatch ? [id!] : []));
  const newestBelow = rows.find(({ isMatch }) => !isMatch)?.id ?? undefined;
  return { ids: ids.sort((one, other) => other - one), newestBelow };
}

async function rowsOf(
  sql: Transaction,
  { conditions }: Looking,
  ids: readonly number[],
  wanted: number,
): Promise<FoundRow[]> {
  if (ids.length === 0) return [];
  const values: SqlValue[] = [conditions.length === 0 ? ids.slice(0, wanted) : ids];
  const where = conditions.map(
    ({ column, operator, value }) => `AND ${column} ${operator} $${values.push(value)}`,
  );
  return sql.all<FoundRow>(
    `SELECT id, ${summaryColumns} FROM conversations WHERE id = ANY ($1) ${where.join(' ')}
     ORDER BY id DESC LIMIT ${wanted}`,
    values,
  );
}
