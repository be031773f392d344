import { type ConversationEvent, eventTypes } from '../../record/events.ts';
import {
  type Candidate,
  type EventLog,
  type LoggedEvent,
  type LogQuery,
  lookedFor,
  pageOf,
} from '../../record/feed/event-log.ts';
import type { Database, ReadSource, ReadSql } from '../../sqlite/database.ts';
import { equalitiesOf } from '../filter.ts';
import type { Ask } from './reads.ts';
import { type EventRow, readableEvents } from './rows.ts';

export function createEventLog(database: Database, ask: Ask): EventLog {
  return {
    newestSequence: () =>
      database.read(
        (sql) =>
          sql.get<{ newest: number | null }>('SELECT max(sequence) AS newest FROM events')!.newest ?? 0,
      ),

    eventLog: (after, query = {}) => ask('eventLog', { after, query }),
  };
}

interface Place {
  readonly after: number;
  readonly query: LogQuery;
}

export function readEventLog(source: ReadSource, { after, query }: Place): ReturnType<EventLog['eventLog']> {
  return source.read((sql) => {
    const { sequences, ...page } = pageOf(look(sql, after, query), after, query);
    return { ...page, events: read(sql, sequences) };
  });
}

interface LookedRow {
  readonly sequence: number;
  readonly size: number;
  readonly wanted: number;
}

/** The next events without their data, which may be large: SQLite knows its length from the head of the row. */
function look(sql: ReadSql, after: number, query: LogQuery): Candidate[] {
  const { types = eventTypes } = query;
  const equalities = equalitiesOf(query);
  const wanted = [
    'conversations.id IS NOT NULL',
    'type IN (SELECT value FROM json_each(?))',
    ...equalities.map(({ column }) => `conversations.${column} = ?`),
  ];
  const rows = sql.all<LookedRow>(
    `SELECT sequence, size, ${wanted.join(' AND ')} AS wanted
     FROM (SELECT sequence, tracking_id, type, octet_length(data) AS size FROM events
           WHERE sequence > ? ORDER BY sequence LIMIT ${lookedFor(query)}) AS found
     LEFT JOIN conversations ON conversations.tracking_id = found.tracking_id ORDER BY sequence`,
    ...[JSON.stringify(types), ...equalities.map(({ value }) => value), after],
  );
  return rows.map(({ sequence, size, wanted }) => ({ sequence, sizeBytes: size, wanted: wanted === 1 }));
}

function read(sql: ReadSql, sequences: readonly number[]): LoggedEvent[] {
  const rows = sql.all<EventRow & { readonly account: string | null; readonly size: number }>(
    `SELECT events.*, octet_length(data) AS size, account FROM events
     JOIN conversations ON conversations.tracking_id = events.tracking_id
     WHERE sequence IN (SELECT value FROM json_each(?)) ORDER BY sequence`,
    JSON.stringify(sequences),
  );
  return rows.flatMap((row) =>
    readableEvents(sql, [row]).map((event) => ({
      event: event as ConversationEvent,
      account: row.account,
      sizeBytes: row.size,
    })),
  );
}
