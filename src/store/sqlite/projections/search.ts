import type { RecordedEvent } from '../../../record/events.ts';
import { beginningsOf, searchDocument } from '../../../record/search/document.ts';
import { hashedDocument } from '../../../record/search/hashed.ts';
import type { ReadSql, WriteSql } from '../../../sqlite/database.ts';
import type { Generation } from '../../generation.ts';
import { type ConversationRow, type EventRow, readableEvents, toSummary } from '../rows.ts';

export const searchTable = (generation: number): string => `search_${generation}`;

/** Puts the conversations of these events into the search as they are now; doing it again changes nothing. */
export function indexConversations(
  sql: WriteSql,
  { generation, keyId }: Generation,
  events: readonly RecordedEvent[],
): void {
  const table = searchTable(generation);
  const rows = [...new Set(events.map((event) => event.trackingId))].flatMap(
    (trackingId) =>
      sql.get<ConversationRow>('SELECT * FROM conversations WHERE tracking_id = ?', trackingId) ?? [],
  );
  // What does not come in the order of its id makes SQLite write what it has so far.
  for (const row of rows.sort((one, other) => one.id - other.id)) {
    const document = searchDocument(toSummary(sql, row), textEvents(sql, row.tracking_id));
    const { question, answer, facets } =
      keyId === null ? document : hashedDocument(document, (word) => sql.content.hash(word, keyId));
    const beginnings = keyId === null ? beginningsOf(document) : [];
    const columns = [beginnings, question, answer, facets].map((words) => words.join(' '));
    const text = `INSERT OR REPLACE INTO ${table} (rowid, beginnings, question, answer, facets) VALUES (?, ?, ?, ?, ?)`;
    sql.run(text, row.id, ...columns);
  }
  if (rows.length > 0) merge(sql, table, rows.length);
}

/** The events of a conversation that hold the texts that are searched. */
export function textEvents(sql: ReadSql, trackingId: string): RecordedEvent[] {
  const text = `SELECT * FROM events WHERE tracking_id = ?
    AND type IN ('WEBHOOK_REQUEST_RECEIVED', 'WEBHOOK_MANAGER_AGENT_RESPONSE') ORDER BY sequence`;
  return readableEvents(sql, sql.all<EventRow>(text, trackingId));
}

const mergePages = 16;
const leastMerges = 3;
const rowsOfMerge = 8;

/**
 * Each piece that is written is a part of the index of its own, and many parts make one larger one: a few pages at a time, and so many that
 * parts do not pile up, as each word has to be looked up in all of them.
 */
function merge(sql: WriteSql, table: string, rows: number): void {
  const merges = Math.max(leastMerges, Math.ceil(rows / rowsOfMerge));
  for (let done = 0; done < merges; done++) {
    const before = totalChanges(sql);
    sql.run(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', ?)`, mergePages);
    // "If the difference is less than 2, then the merge command was a no-op" (https://www.sqlite.org/fts5.html#the_merge_command).
    if (totalChanges(sql) - before < 2) return;
  }
}

const totalChanges = (sql: WriteSql): number => sql.get<{ n: number }>('SELECT total_changes() AS n')!.n;

export function isSearchClear(sql: ReadSql, generation: number): boolean {
  return sql.get(`SELECT 1 FROM ${searchTable(generation)}_docsize LIMIT 1`) === undefined;
}

export function clearSearch(sql: WriteSql, generation: number): boolean {
  const table = searchTable(generation);
  if (isSearchClear(sql, generation)) return true;
  sql.run(`INSERT INTO ${table} (${table}) VALUES ('delete-all')`);
  return true;
}
