import { textsOf, timeFacets, valueFacets } from '../../record/search/document.ts';
import { highlight } from '../../record/search/highlight.ts';
import type { Term } from '../../record/search/query.ts';
import type { Database, Sql } from '../../sqlite/database.ts';
import { numberOf } from '../cursor.ts';
import { type Condition, equalitiesOf, hasValues, pageLimit, timesOf } from '../filter.ts';
import type { ConversationSearch, FoundConversation, SearchPage } from '../store.ts';
import { behindOf, generationOf } from './projections/following.ts';
import { searchTable, textEvents } from './projections/search.ts';
import { type ConversationRow, toSummary } from './rows.ts';

/** Matches that are looked at in one piece, between which everybody else has a turn. */
const pieceRows = 400;
/** How long a page is looked for. */
const budgetMs = 60;

interface Looking {
  readonly match: string;
  readonly conditions: readonly Condition[];
  /** Ids are looked at in windows, which grow while little is found in them. */
  readonly window: number;
}

/** One page, newest first in the order of arrival. */
export async function searchConversations(
  database: Database,
  search: ConversationSearch,
): Promise<SearchPage> {
  const limit = pageLimit(search);
  const before = search.after === undefined ? Number.MAX_SAFE_INTEGER : numberOf(search.after);
  const looking = await database.read((sql) => lookingFor(sql, search));
  const behind = await database.read((sql) => behindOf(sql, 'search'));
  if (looking === undefined) return { found: [], behind };
  const { rows, next } = await look(database, looking, before, limit);
  const found = await database.read((sql) => rows.map((row) => foundOf(sql, row, search)));
  return { found, behind, ...(next !== undefined && { next: String(next) }) };
}

async function look(database: Database, looking: Looking, before: number, limit: number) {
  const rows: ConversationRow[] = [];
  let [end, window, spentMs] = [before, looking.window, 0];
  while (spentMs < budgetMs) {
    const from = end;
    const piece = await database.read((sql) => pieceOf(sql, looking, from, window));
    rows.push(...piece.rows);
    spentMs += piece.tookMs;
    if (rows.length > limit) return { rows: rows.slice(0, limit), next: rows[limit - 1]!.id };
    if (piece.end === undefined) return { rows, next: undefined };
    end = piece.end;
    if (piece.tookMs < 8) window *= 4;
    else if (piece.tookMs > 20) window = Math.max(1_000, Math.floor(window / 2));
  }
  return { rows, next: end };
}

/** The matches in one window of ids below `end`, and where the next piece goes on. */
function pieceOf(sql: Sql, { match, conditions }: Looking, end: number, window: number) {
  const begun = performance.now();
  const table = searchTable(generationOf(sql, 'search'));
  const newest = sql.get<{ id: number | null }>(`SELECT max(id) AS id FROM ${table}_docsize`)!.id ?? 0;
  const last = Math.min(end - 1, newest);
  const first = Math.max(1, last - window + 1);
  const ids = sql.all<{ id: number }>(
    `SELECT rowid AS id FROM ${table} WHERE ${table} MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?`,
    ...[match, first, last, pieceRows],
  );
  const rows = ids.flatMap(
    ({ id }) => sql.get<ConversationRow>('SELECT * FROM conversations WHERE id = ?', id) ?? [],
  );
  const isWhole = ids.length < pieceRows;
  const next = isWhole ? first : ids.at(-1)!.id;
  return {
    rows: rows.filter((row) => hasValues(row, conditions)),
    end: next <= 1 ? undefined : next,
    tookMs: performance.now() - begun,
  };
}

/** Undefined when the filter leaves nothing that could be found. */
function lookingFor(sql: Sql, search: ConversationSearch): Looking | undefined {
  const { terms, without } = search.query;
  const times = facetsOfTimes(sql, search);
  if (times === null) return undefined;
  const facets = valueFacets(search).map(quoted);
  if (times !== undefined) facets.push(`(${times.map(quoted).join(' OR ')})`);
  const wanted = `{question answer} : (${terms.map(termText).join(' AND ')})`;
  const all = facets.length === 0 ? wanted : `(${wanted}) AND (facets : (${facets.join(' AND ')}))`;
  const unwanted = without.length > 0 && `{question answer} : (${without.map(termText).join(' OR ')})`;
  const hasPrefix = [...terms, ...without].some((term) => term.isPrefix);
  return {
    match: unwanted === false ? all : `(${all}) NOT (${unwanted})`,
    conditions: [...equalitiesOf(search), ...timesOf(search)],
    // What begins with something is put together for the whole table, however small the window.
    window: hasPrefix ? Number.MAX_SAFE_INTEGER : 20_000,
  };
}

/** Undefined without a range of times, or one of too many years; null when there is nothing in it. */
function facetsOfTimes(sql: Sql, { from, to }: ConversationSearch): string[] | undefined | null {
  if (from === undefined && to === undefined) return undefined;
  const [oldest, newest] = (['min', 'max'] as const).map(
    (which) =>
      sql.get<{ at: number | null }>(`SELECT ${which}(received_at) AS at FROM conversations`)!.at ?? 0,
  );
  const range = [Math.max(oldest!, from ?? 0), Math.min(newest!, (to ?? newest! + 1) - 1)] as const;
  return range[0] > range[1] ? null : timeFacets(...range);
}

/** Words have letters and digits alone. */
const quoted = (words: string): string => `"${words}"`;

const termText = ({ words, isPrefix }: Term): string => `${quoted(words.join(' '))}${isPrefix ? ' *' : ''}`;

function foundOf(sql: Sql, row: ConversationRow, { query }: ConversationSearch): FoundConversation {
  const { question, answer } = textsOf(textEvents(sql, row.tracking_id));
  return {
    summary: toSummary(row),
    question: highlight(question, query),
    answer: highlight(answer, query),
  };
}
