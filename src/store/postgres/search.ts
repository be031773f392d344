import type { ConversationSummary } from '../../record/conversation.ts';
import { textsOf, timeFacets, valueFacets } from '../../record/search/document.ts';
import { hashedQuery } from '../../record/search/hashed.ts';
import { highlight } from '../../record/search/highlight.ts';
import type { Term } from '../../record/search/query.ts';
import { numberOf } from '../cursor.ts';
import { equalitiesOf, pageLimit, timesOf } from '../filter.ts';
import type { ConversationSearch, SearchPage } from '../store.ts';
import type { PostgresDatabase, SqlValue, Transaction } from './database.ts';
import { behindOf, generationOf } from './projections/following.ts';
import { facetText, searchTable, textEvents } from './projections/search.ts';
import { summaryColumns, toSummary } from './rows.ts';

/** One page, newest first in the order of arrival. Whether it goes along that order or along the words is the server's to choose. */
export async function searchConversations(
  database: PostgresDatabase,
  search: ConversationSearch,
): Promise<SearchPage> {
  const limit = pageLimit(search);
  const before = search.after === undefined ? Number.MAX_SAFE_INTEGER : numberOf(search.after);
  return database.read(async (sql) => {
    const behind = await behindOf(sql, 'search');
    const { generation, keyId } = await generationOf(sql, 'search');
    const table = searchTable(generation);
    const values: SqlValue[] = [await queryText(sql, search, keyId), before];
    const conditions = [...equalitiesOf(search), ...timesOf(search)].map(
      ({ column, operator, value }) => `AND ${column} ${operator} $${values.push(value)}`,
    );
    const rows = await sql.all<ConversationSummary & { id: number }>(
      `SELECT id, ${summaryColumns} FROM ${table} JOIN conversations USING (id)
       WHERE words @@ $1::tsquery AND id < $2 ${conditions.join(' ')} ORDER BY id DESC LIMIT ${limit + 1}`,
      values,
    );
    const shown = rows.slice(0, limit);
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
    return { found, behind, ...(rows.length > limit && { next: String(shown.at(-1)!.id) }) };
  });
}

/** As PostgreSQL reads a `tsquery`: words have letters and digits alone, so that nothing has to be escaped. */
async function queryText(
  sql: Transaction,
  search: ConversationSearch,
  keyId: string | null,
): Promise<string> {
  const { query } = search;
  const { terms, without } =
    keyId === null ? query : hashedQuery(query, (word) => sql.content.hash(word, keyId));
  const times = await facetsOfTimes(sql, search);
  const all = [
    ...terms.map(termText),
    ...without.map((term) => `!(${termText(term)})`),
    ...valueFacets(search).map(facetText),
    ...(times === undefined ? [] : [`(${times.map(facetText).join(' | ')})`]),
  ];
  return all.join(' & ');
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
