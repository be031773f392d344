import {
  hasTerm,
  isBeginning,
  searchDocument,
  textsOf,
  timeFacets,
  valueFacets,
} from '../../record/search/document.ts';
import { hashedQuery } from '../../record/search/hashed.ts';
import { highlight } from '../../record/search/highlight.ts';
import type { SearchQuery, Term } from '../../record/search/query.ts';
import type { ReadSource, ReadSql } from '../../sqlite/database.ts';
import { numberOf } from '../cursor.ts';
import { type Condition, equalitiesOf, hasValues, pageLimit, timesOf } from '../filter.ts';
import type { ConversationSearch, FoundConversation, SearchPage } from '../store.ts';
import { behindOf, generationOf } from './projections/following.ts';
import { searchTable, textEvents } from './projections/search.ts';
import { type ConversationRow, toSummary } from './rows.ts';

/** Matches that are looked at in one piece. */
const pieceRows = 400;
/** The same where their texts are looked at. */
const pieceTexts = 60;
const samples = 100;
const frequentSamples = 3;
/** How long a page is looked for: no piece is begun after that. */
const budgetMs = 50;

interface Looking {
  /** What an index with hashes under this key is asked. Undefined when all that is looked for is looked for in the texts. */
  readonly match: (keyId: string | null) => string | undefined;
  /** What is looked for in the texts of what matches. */
  readonly inTexts: Pick<SearchQuery, 'terms' | 'without'>;
  readonly conditions: readonly Condition[];
  /** No match has a greater id. */
  readonly newest: number;
}

/** One page, newest first in the order of arrival. */
export async function searchConversations(
  source: ReadSource,
  search: ConversationSearch,
): Promise<SearchPage> {
  const limit = pageLimit(search);
  const before = search.after === undefined ? Number.MAX_SAFE_INTEGER : numberOf(search.after);
  const looking = await source.read((sql) => lookingFor(sql, search));
  const behind = await source.read((sql) => behindOf(sql, 'search'));
  if (looking === undefined) return { found: [], behind };
  const { rows, next } = await look(source, looking, before, limit);
  const found = await source.read((sql) => rows.map((row) => foundOf(sql, row, search)));
  return { found, behind, ...(next !== undefined && { next: String(next) }) };
}

async function look(source: ReadSource, looking: Looking, before: number, limit: number) {
  const rows: ConversationRow[] = [];
  let [end, spentMs] = [Math.min(before, looking.newest + 1), 0];
  while (spentMs < budgetMs) {
    const from = end;
    const piece = await source.read((sql) =>
      pieceOf(sql, looking, { end: from, wanted: limit + 1 - rows.length }),
    );
    rows.push(...piece.rows);
    spentMs += piece.tookMs;
    if (rows.length > limit) return { rows: rows.slice(0, limit), next: rows[limit - 1]!.id };
    if (piece.end === undefined) return { rows, next: undefined };
    end = piece.end;
  }
  return { rows, next: end };
}

interface Piece {
  readonly end: number;
  /** Rows that the page still has room for. */
  readonly wanted: number;
}

/**
 * The next matches below `end`, and where the following piece goes on. They are bounded by their number alone: with a least id as well, SQLite goes through all
 * that a word has when the first match is below that.
 */
function pieceOf(sql: ReadSql, looking: Looking, { end, wanted }: Piece) {
  const { conditions } = looking;
  const begun = performance.now();
  const { generation, keyId } = generationOf(sql, 'search');
  const match = looking.match(keyId);
  const table = searchTable(generation);
  const limit = isInTexts(looking) ? pieceTexts : Math.min(pieceRows, wanted * matchesForRow(looking));
  const bounds = [end - 1, limit] as const;
  const ids =
    match === undefined
      ? sql.all<{ id: number }>(inOrderText, ...bounds)
      : sql.all<{ id: number }>(
          `SELECT rowid AS id FROM ${table} WHERE ${table} MATCH ? AND rowid <= ? ORDER BY rowid DESC LIMIT ?`,
          ...[match, ...bounds],
        );
  const rows: ConversationRow[] = [];
  for (const { id } of ids) {
    const row = rowOf(sql, id);
    if (row === undefined || !hasValues(row, conditions) || !hasTexts(sql, row, looking)) continue;
    rows.push(row);
    if (rows.length === wanted) break;
  }
  return {
    rows,
    end: ids.length < limit ? undefined : ids.at(-1)!.id,
    tookMs: performance.now() - begun,
  };
}

/** The index knows nearly all that is asked of a row, but not its status. */
function matchesForRow({ conditions }: Looking): number {
  if (conditions.length === 0) return 1;
  return conditions.some(({ column }) => column === 'status') ? 8 : 2;
}

const inOrderText = 'SELECT id FROM conversations WHERE id <= ? ORDER BY id DESC LIMIT ?';

const rowOf = (sql: ReadSql, id: number) =>
  sql.get<ConversationRow>('SELECT * FROM conversations WHERE id = ?', id);

const isInTexts = ({ inTexts }: Looking): boolean => inTexts.terms.length + inTexts.without.length > 0;

function hasTexts(sql: ReadSql, row: ConversationRow, looking: Looking): boolean {
  if (!isInTexts(looking)) return true;
  const document = documentOf(sql, row);
  const { terms, without } = looking.inTexts;
  return terms.every((term) => hasTerm(document, term)) && !without.some((term) => hasTerm(document, term));
}

const documentOf = (sql: ReadSql, row: ConversationRow) =>
  searchDocument(toSummary(sql, row), textEvents(sql, row.tracking_id));

/** A beginning that the index does not have as such: longer ones, and those after other words. */
const isLooseEnd = (term: Term): boolean => term.isPrefix && !isBeginning(term);

/**
 * What begins with something else than the index has is put together for the whole table before the first match is known, which takes long for what many
 * conversations have. Those are looked for in the texts instead: where many have it, few have to be looked at. A hundred conversations from
 * everywhere tell which ones they are.
 */
function frequentPrefixes(sql: ReadSql, { terms, without }: SearchQuery): Set<Term> {
  const counts = new Map([...terms, ...without].filter(isLooseEnd).map((term) => [term, 0]));
  if (counts.size === 0) return new Set();
  const newest = sql.get<{ id: number | null }>('SELECT max(id) AS id FROM conversations')!.id ?? 0;
  const looked = Math.min(samples, newest);
  for (let n = 1; n <= looked; n++) {
    const row = rowOf(sql, Math.ceil((newest * n) / looked));
    if (row === undefined) continue;
    const document = documentOf(sql, row);
    for (const [term, count] of counts) if (hasTerm(document, term)) counts.set(term, count + 1);
  }
  return new Set([...counts].filter(([, count]) => count >= frequentSamples).map(([term]) => term));
}

/** Undefined when the filter leaves nothing that could be found. */
function lookingFor(sql: ReadSql, search: ConversationSearch): Looking | undefined {
  const times = facetsOfTimes(sql, search);
  if (times === null) return undefined;
  inIndexOf(sql, search.query, generationOf(sql, 'search').keyId);
  const frequent = frequentPrefixes(sql, search.query);
  const inIndex = (term: Term) => !frequent.has(term);
  const { terms, without } = search.query;
  const facets = valueFacets(search).map(quoted);
  if (times !== undefined) facets.push(`(${times.map(quoted).join(' OR ')})`);
  const [wanted, unwanted] = [terms.filter(inIndex), without.filter(inIndex)];
  const hasMatch = wanted.length + facets.length > 0;
  const isFor = (term: Term) => frequent.has(term);
  return {
    match: (keyId) =>
      hasMatch ? matchText(inIndexOf(sql, { terms: wanted, without: unwanted }, keyId), facets) : undefined,
    inTexts: {
      terms: terms.filter(isFor),
      // Without a match there is nothing that the index could leave out.
      without: !hasMatch ? without : without.filter(isFor),
    },
    conditions: [...equalitiesOf(search), ...timesOf(search)],
    newest: times === undefined ? Number.MAX_SAFE_INTEGER : newestOf(sql, times),
  };
}

/** The greatest id of these days and months, so that what came after them is not looked through for what is looked for. */
function newestOf(sql: ReadSql, times: readonly string[]): number {
  const table = searchTable(generationOf(sql, 'search').generation);
  const text = `SELECT rowid AS id FROM ${table} WHERE ${table} MATCH ? ORDER BY rowid DESC LIMIT 1`;
  const ids = times.map((facet) => sql.get<{ id: number }>(text, `facets : ${quoted(facet)}`)?.id ?? 0);
  return Math.max(...ids);
}

/** The query with what stands in the index for its words. */
function inIndexOf(sql: ReadSql, query: SearchQuery, keyId: string | null): SearchQuery {
  return keyId === null ? query : hashedQuery(query, (word) => sql.content.hash(word, keyId));
}

function matchText({ terms, without }: SearchQuery, facets: readonly string[]): string {
  const parts = [...terms.map(termText), facets.length > 0 && `facets : (${facets.join(' AND ')})`].filter(
    (part) => part !== false,
  );
  return excluding(parts.map((part) => `(${part})`).join(' AND '), without);
}

function excluding(all: string, unwanted: readonly Term[]): string {
  if (unwanted.length === 0) return all;
  return `(${all}) NOT (${unwanted.map(termText).join(' OR ')})`;
}

/** Undefined without a range of times, or one of too many years; null when there is nothing in it. */
function facetsOfTimes(sql: ReadSql, { from, to }: ConversationSearch): string[] | undefined | null {
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

function termText(term: Term): string {
  const words = quoted(term.words.join(' '));
  if (isBeginning(term)) return `beginnings : ${words}`;
  return `{question answer} : ${words}${term.isPrefix ? ' *' : ''}`;
}

function foundOf(sql: ReadSql, row: ConversationRow, { query }: ConversationSearch): FoundConversation {
  const { question, answer } = textsOf(textEvents(sql, row.tracking_id));
  return {
    summary: toSummary(sql, row),
    question: highlight(question, query),
    answer: highlight(answer, query),
  };
}
