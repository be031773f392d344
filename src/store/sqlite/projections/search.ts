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

/** The first record of an index counts its rows and words, and is empty in an index that never had any; then the record of its parts, then those. */
const record = { counts: 1, structure: 10 } as const;

export function isSearchClear(sql: ReadSql, generation: number): boolean {
  const text = `SELECT 1 FROM ${searchTable(generation)}_data WHERE id = ${record.counts} AND length(block) > 0`;
  return sql.get(text) === undefined;
}

/**
 * Removes up to `limit` rows of an index; returns whether it is empty. The command that SQLite has for that takes three seconds for a million conversations, in which
 * nobody else writes. So it is done in the tables that an index is made of (https://www.sqlite.org/fts5.html#fts5_data_structures), which are right for whoever checks them at each time: its
 * rows, then all its parts at once, which are removed after that.
 */
export function clearSearch(sql: WriteSql, generation: number, limit: number): boolean {
  if (isSearchClear(sql, generation)) return true;
  const table = searchTable(generation);
  const removes = (from: string, key: string, where = '') => {
    const text = `DELETE FROM ${from} WHERE (${key}) IN (SELECT ${key} FROM ${from} ${where} LIMIT ?)`;
    return sql.run(text, limit).changes < limit;
  };
  if (!removes(`${table}_docsize`, 'id')) return false;
  sql.run(
    `UPDATE ${table}_data SET block = CAST(substr(block, 1, 4) || ${noParts} AS BLOB) WHERE id = ${record.structure}`,
  );
  if (!removes(`${table}_idx`, 'segid, term')) return false;
  if (!removes(`${table}_data`, 'id', `WHERE id > ${record.structure}`)) return false;
  sql.run(`INSERT INTO ${table} (${table}) VALUES ('delete-all')`);
  return true;
}

/** A structure without parts: of the second version, with no levels, no segments and nothing written. The first four bytes are those of the configuration. */
const noParts = `x'FF000001000000'`;
