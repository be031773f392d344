import type { ConversationSummary } from '../../record/conversation.ts';
import type { Condition } from '../filter.ts';
import type { SqlValue, Transaction } from './database.ts';
import { summaryColumns } from './rows.ts';

/**
 * The index of words gives matches in no order, so that all of them would be read for the page with the newest. It has the block of each conversation
 * beside its words: its number without the last bits (`migrations/013`). So it is asked for the matches in a window of some blocks, and for those
 * in the next one when a page has room for more: a larger one when there were few.
 */
const blockBits = 12;
const blockNumbers = 2 ** blockBits;
const blocksAtMost = 128;
const growth = 8;

/** Of one window. With more, its blocks are looked at one by one. */
const matchesAtMost = 400;
/** A window that takes so long is not followed by a larger one. */
const slowMs = 10;
/** How long a page is looked for: no window is begun after that. */
const budgetMs = 40;

/**
 * For what begins with something the index puts together all conversations that it has under any such word, each time. Where many have it, few of
 * the newest have to be looked at themselves. So many blocks are, and more only where that is likely to be enough.
 */
const walkedBlocks = { first: 4, most: 16 };

export interface Looking {
  readonly table: string;
  /** What is looked for: all of it holds. */
  readonly queries: readonly string[];
  readonly hasBeginnings: boolean;
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
  const rows: FoundRow[] = [];
  let pace: Pace = { blocks: 1, isWalking: looking.hasBeginnings, walked: 0 };
  let end = before;
  while (performance.now() - begun < budgetMs) {
    // Numbers have gaps, where records were copied.
    const newest = await newestBelow(sql, looking.table, end);
    if (newest === undefined) return { rows, end: undefined };
    const last = Math.floor(newest / blockNumbers);
    const window = { first: Math.max(0, last - pace.blocks + 1), last, before: end };
    const windowBegun = performance.now();
    const ids = await (pace.isWalking ? walk : askIndex)(sql, looking, window);
    const tookMs = performance.now() - windowBegun;
    if (ids.length === matchesAtMost && pace.blocks > 1) {
      pace = { ...pace, blocks: 1 };
      continue;
    }
    rows.push(...(await rowsOf(sql, looking, ids, wanted - rows.length)));
    if (rows.length >= wanted) return { rows, end: undefined };
    end = ids.length === matchesAtMost ? ids.at(-1)! : window.first * blockNumbers;
    pace = nextPace(pace, { missing: wanted - rows.length, matches: ids.length, tookMs });
  }
  return { rows, end };
}

interface Pace {
  /** In the next window. */
  readonly blocks: number;
  readonly isWalking: boolean;
  readonly walked: number;
}

interface Outcome {
  readonly missing: number;
  readonly matches: number;
  readonly tookMs: number;
}

/** As many blocks as are likely to have what is missing. */
function nextPace({ blocks, isWalking, walked }: Pace, { missing, matches, tookMs }: Outcome): Pace {
  const likely = Math.ceil((1.5 * blocks * missing) / Math.max(matches, 0.1));
  if (isWalking) {
    const after = walked + blocks;
    const most = likely <= walkedBlocks.most ? walkedBlocks.most : walkedBlocks.first;
    if (after < most) return { blocks: Math.min(likely, most - after, 3), isWalking, walked: after };
  }
  const most = tookMs > slowMs ? blocks : blocks * growth;
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
}

type IdRow = { readonly id: number };

/** The newest first; of many in several blocks any. Numbers are compared as sums, so that the server goes along no other index. */
async function askIndex(sql: Transaction, { table, queries }: Looking, window: Window): Promise<number[]> {
  const { first, last, before } = window;
  const values: SqlValue[] = [Array.from({ length: last - first + 1 }, (_, at) => first + at), before];
  const where = queries.map((query) => `words @@ $${values.push(query)}::tsquery`);
  const order = first === last ? 'ORDER BY id + 0 DESC' : '';
  const rows = await sql.all<IdRow>(
    `SELECT id FROM ${table} WHERE ARRAY[id >> ${blockBits}] && $1::bigint[] AND id + 0 < $2 AND ${where.join(' AND ')}
     ${order} LIMIT ${matchesAtMost}`,
    values,
  );
  return rows.map((row) => row.id).sort((one, other) => other - one);
}

/** The newest first. Asked in this way, the server does not use the index of words. */
async function walk(sql: Transaction, { table, queries }: Looking, window: Window): Promise<number[]> {
  const values: SqlValue[] = [window.first * blockNumbers, window.before];
  const where = queries.map((query) => `(words @@ $${values.push(query)}::tsquery) IS TRUE`);
  const rows = await sql.all<IdRow>(
    `SELECT id FROM ${table} WHERE id >= $1 AND id < $2 AND ${where.join(' AND ')}
     ORDER BY id DESC LIMIT ${matchesAtMost}`,
    values,
  );
  return rows.map((row) => row.id);
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
