import type { ConversationSummary } from '../../../record/conversation.ts';
import type { RecordedEvent } from '../../../record/events.ts';
import { type SearchDocument, searchDocument } from '../../../record/search/document.ts';
import { hashedDocument } from '../../../record/search/hashed.ts';
import type { Generation } from '../../generation.ts';
import type { Transaction } from '../database.ts';
import { type EventRow, readableEvents, summaryColumns, toSummary } from '../rows.ts';

export const searchTable = (generation: number): string => `search_${generation}`;

/** Puts the conversations of these events into the search as they are now; doing it again changes nothing. */
export async function indexConversations(
  sql: Transaction,
  { generation, keyId }: Generation,
  events: readonly RecordedEvent[],
): Promise<void> {
  const trackingIds = [...new Set(events.map((event) => event.trackingId))];
  if (trackingIds.length === 0) return;
  const rows = await sql.all<ConversationSummary & { id: number }>(
    `SELECT id, ${summaryColumns} FROM conversations WHERE tracking_id = ANY ($1)`,
    [trackingIds],
  );
  const texts = await textEvents(sql, trackingIds);
  const words = rows.map((row) => {
    const document = searchDocument(toSummary(sql, row), texts.get(row.trackingId) ?? []);
    return wordsText(
      keyId === null ? document : hashedDocument(document, (word) => sql.content.hash(word, keyId)),
    );
  });
  await sql.run(
    `INSERT INTO ${searchTable(generation)} (id, words)
     SELECT id, words::tsvector FROM unnest($1::bigint[], $2::text[]) AS document (id, words)
     ON CONFLICT (id) DO UPDATE SET words = excluded.words`,
    [rows.map((row) => row.id), words],
  );
}

/** The events of conversations that hold the texts that are searched, by tracking id. */
export async function textEvents(
  sql: Transaction,
  trackingIds: readonly string[],
): Promise<Map<string, RecordedEvent[]>> {
  const rows = await sql.all<EventRow>(
    `SELECT * FROM events WHERE tracking_id = ANY ($1)
       AND type IN ('WEBHOOK_REQUEST_RECEIVED', 'WEBHOOK_MANAGER_AGENT_RESPONSE') ORDER BY sequence`,
    [trackingIds],
  );
  return Map.groupBy(readableEvents(sql, rows), (event) => event.trackingId);
}

/**
 * As PostgreSQL reads a `tsvector` (https://www.postgresql.org/docs/current/datatype-textsearch.html): each word with its places. Words have
 * letters and digits alone, and facets begin with something else, so that nothing has to be escaped. Between question and
 * answer a place is left out, so that no phrase goes from one to the other.
 */
export function wordsText({ question, answer, facets }: SearchDocument): string {
  const places = new Map<string, number[]>();
  const put = (words: readonly string[], from: number) => {
    for (const [at, word] of words.entries()) {
      const found = places.get(word);
      if (found === undefined) places.set(word, [from + at]);
      else found.push(from + at);
    }
  };
  put(question, 1);
  put(answer, question.length + 2);
  const words = [...places].map(([word, at]) => `'${word}':${at.join(',')}`);
  return [...words, ...facets.map(facetText)].join(' ');
}

export const facetText = (facet: string): string => `'=${facet}'`;

export async function clearSearch(sql: Transaction, generation: number): Promise<boolean> {
  const table = searchTable(generation);
  const some = await sql.all(`SELECT 1 FROM ${table} LIMIT 1`);
  if (some.length > 0) await sql.run(`TRUNCATE ${table}`);
  return true;
}
