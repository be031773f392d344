import { textsOf, timeFacets, valueFacets } from '../../record/search/document.ts';
import { hashedQuery } from '../../record/search/hashed.ts';
import { highlight } from '../../record/search/highlight.ts';
import type { Term } from '../../record/search/query.ts';
import { numberOf } from '../cursor.ts';
import { equalitiesOf, pageLimit, timesOf } from '../filter.ts';
import type { ConversationSearch, SearchPage } from '../store.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { behindOf, generationOf } from './projections/following.ts';
import { facetText, searchTable, textEvents } from './projections/search.ts';
import { toSummary } from './rows.ts';
import { lookInWindows } from './search-windows.ts';

/** One page, newest first in the order of arrival. */
export async function searchConversations(
  database: PostgresDatabase,
  search: ConversationSearch,
): Promise<SearchPage> {
  const limit = pageLimit(search);
  const before = search.after === undefined ? Number.MAX_SAFE_INTEGER : numberOf(search.after);
  return database.read(async (sql) => {
    const behind = await behindOf(sql, 'search');
    const { generation, keyId } = await generationOf(sql, 'search');
    const looking = {
      table: searchTable(generation),
      queries: await queriesOf(sql, search, keyId),
      hasBeginnings: [...search.query.terms, ...search.query.without].some((term) => term.isPrefix),
      conditions: [...equalitiesOf(search), ...timesOf(search)],
    };
    const { rows, end } = await lookInWindows(sql, looking, { before, wanted: limit + 1 });
    const shown = rows.slice(0, limit);
    const next = rows.length > limit ? shown.at(-1)!.id : end;
    const texts = await textEvents(
      sql,
      shown.map((row) => row.trackingId),
    );
    const found = shown.map(({ id, ...sealed }) => {
      const summary = toSummary(sql, sealed);
      const { question, answer } = textsOf(texts.get(summary.trackingId) ?? []);
      const { query } = search;
      return { summary, question: highlight(question, query), answer: highlight(answer, query) };
    });
    return { found, behind, ...(next !== undefined && { next: String(next) }) };
  });
}

/**
 * As PostgreSQL reads a `tsquery`: words have letters and digits alone, so that nothing has to be escaped. Each is a question of its own to the index, which goes
 * along the one with the fewest matches and leaps in the others.
 */
async function queriesOf(
  sql: Transaction,
  search: ConversationSearch,
  keyId: string | null,
): Promise<string[]> {
  const { query } = search;
  const { terms, without } =
    keyId === null ? query : hashedQuery(query, (word) => sql.content.hash(word, keyId));
  const times = await facetsOfTimes(sql, search);
  const words = [...terms.map(termText), ...without.map((term) => `!(${termText(term)})`)];
  return [
    words.join(' & '),
    ...valueFacets(search).map(facetText),
    ...(times === undefined ? [] : [times.map(facetText).join(' | ')]),
  ];
}

const termText = ({ words, isPrefix }: Term): string =>
  `(${words.map((word) => `'${word}'`).join(' <-> ')}${isPrefix ? ':*' : ''})`;

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
