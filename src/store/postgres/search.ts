import { textsOf, timeFacets, valueFacets } from '../../record/search/document.ts';
import { hashedQuery } from '../../record/search/hashed.ts';
import { highlight } from '../../record/search/highlight.ts';
import type { SearchQuery, Term } from '../../record/search/query.ts';
import { numberOf } from '../cursor.ts';
import { equalitiesOf, pageLimit, timesOf } from '../filter.ts';
import type { ConversationSearch, FoundConversation, SearchPage } from '../store.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { behindOf, generationOf } from './projections/following.ts';
import { facetText, searchTable, textEvents } from './projections/search.ts';
import { toSummary } from './rows.ts';
import { type FoundRow, type Looking, lookInWindows } from './search-windows.ts';

/**
 * One page, newest first in the order of arrival. The index that was read may have been emptied meanwhile, as another one has taken its place: that is seen at once, also in a
 * transaction that began before (https://www.postgresql.org/docs/current/sql-truncate.html). A page that has room for more is looked for again then.
 */
export async function searchConversations(
  database: PostgresDatabase,
  search: ConversationSearch,
): Promise<SearchPage> {
  for (;;) {
    const { generation, isFull, page } = await database.read((sql) => searchOnce(sql, search));
    if (isFull) return page;
    const now = await database.read((sql) => generationOf(sql, 'search'));
    if (now.generation === generation) return page;
  }
}

async function searchOnce(sql: Transaction, search: ConversationSearch) {
  const limit = pageLimit(search);
  const before = search.after === undefined ? Number.MAX_SAFE_INTEGER : numberOf(search.after);
  const behind = await behindOf(sql, 'search');
  const { generation, keyId } = await generationOf(sql, 'search');
  const looking = {
    table: searchTable(generation),
    ...lookedFor(
      keyId === null ? search.query : hashedQuery(search.query, (word) => sql.content.hash(word, keyId)),
    ),
    facets: await facetsOf(sql, search),
    conditions: [...equalitiesOf(search), ...timesOf(search)],
  };
  const { rows, end } = await lookInWindows(sql, looking, { before, wanted: limit + 1 });
  const isFull = rows.length > limit;
  const shown = rows.slice(0, limit);
  const next = isFull ? shown.at(-1)!.id : end;
  const found = await foundOf(sql, shown, search);
  return { generation, isFull, page: { found, behind, ...(next !== undefined && { next: String(next) }) } };
}

async function foundOf(
  sql: Transaction,
  rows: readonly FoundRow[],
  { query }: ConversationSearch,
): Promise<FoundConversation[]> {
  const texts = await textEvents(
    sql,
    rows.map((row) => row.trackingId),
  );
  return rows.map(({ id, ...sealed }) => {
    const summary = toSummary(sql, sealed);
    const { question, answer } = textsOf(texts.get(summary.trackingId) ?? []);
    return { summary, question: highlight(question, query), answer: highlight(answer, query) };
  });
}

/**
 * As PostgreSQL reads a `tsquery`: words have letters and digits alone, so that nothing has to be escaped. The index is asked for each word by itself, as it leaps
 * from one to the other, and goes through all that it has of several that are asked for together and seldom are. All else is looked for in what it finds: a
 * beginning as well, of which it has no list, unless there is nothing but beginnings; then it is asked for the longest.
 */
function lookedFor({ terms, without }: SearchQuery): Pick<Looking, 'keys' | 'query' | 'isBeginning'> {
  const words = new Set(terms.flatMap((term) => (term.isPrefix ? term.words.slice(0, -1) : term.words)));
  const isWords = without.length === 0 && terms.every((term) => !term.isPrefix && term.words.length === 1);
  const all = [...terms.map(termText), ...without.map((term) => `!(${termText(term)})`)];
  const [longest] = terms.toSorted((one, other) => lengthOf(other) - lengthOf(one));
  return {
    keys: words.size > 0 ? [...words].map((word) => `'${word}'`) : [termText(longest!)],
    query: isWords ? undefined : all.join(' & '),
    isBeginning: words.size === 0,
  };
}

const lengthOf = ({ words }: Term): number => words.join('').length;

const termText = ({ words, isPrefix }: Term): string =>
  `(${words.map((word) => `'${word}'`).join(' <-> ')}${isPrefix ? ':*' : ''})`;

async function facetsOf(sql: Transaction, search: ConversationSearch): Promise<string[]> {
  const times = await facetsOfTimes(sql, search);
  const values = valueFacets(search).map(facetText);
  return times === undefined ? values : [times.map(facetText).join(' | '), ...values];
}

/** Undefined without a range of times, and for one that is better left to the conditions on the rows. */
async function facetsOfTimes(
  sql: Transaction,
  { from, to }: ConversationSearch,
): Promise<string[] | undefined> {
  if (from === undefined && to === undefined) return undefined;
  const text = 'SELECT min(received_at) AS oldest, max(received_at) AS newest FROM conversations';
  const [known] = await sql.all<{ oldest: number | null; newest: number | null }>(text);
  const { oldest, newest } = known!;
  if (oldest === null || newest === null) return undefined;
  const range = [Math.max(oldest, from ?? 0), Math.min(newest, (to ?? newest + 1) - 1)] as const;
  return range[0] > range[1] ? undefined : timeFacets(...range);
}
