import { type ConversationEvent, eventTypes } from '../../record/events.ts';
import {
  type Candidate,
  type EventLog,
  type LoggedEvent,
  type LogQuery,
  lookedFor,
  pageOf,
} from '../../record/feed/event-log.ts';
import { equalitiesOf } from '../filter.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { type EventRow, readableEvents } from './rows.ts';

/** Numbers become visible in their order (`append.ts`), so that a place in the log stands for all that is before it. */
export function createEventLog(database: PostgresDatabase): EventLog {
  return {
    newestSequence: () =>
      database.read(async (sql) => {
        const text = 'SELECT max(sequence) AS newest FROM events';
        return (await sql.all<{ newest: number | null }>(text))[0]!.newest ?? 0;
      }),

    eventLog: (after, query = {}) =>
      database.read(async (sql) => {
        const { sequences, ...page } = pageOf(await look(sql, after, query), after, query);
        return { ...page, events: sequences.length === 0 ? [] : await read(sql, sequences) };
      }),
  };
}

/** The next events without their data, which may be large. */
function look(sql: Transaction, after: number, query: LogQuery): Promise<Candidate[]> {
  const { types = eventTypes } = query;
  const equalities = equalitiesOf(query);
  const wanted = [
    'conversations.id IS NOT NULL',
    'found.type = ANY ($2)',
    ...equalities.map(({ column }, at) => `conversations.${column} = $${at + 3}`),
  ];
  return sql.all<Candidate>(
    `SELECT sequence, size AS "sizeBytes", coalesce(${wanted.join(' AND ')}, false) AS wanted
     FROM (SELECT sequence, tracking_id, type, pg_column_size(data) AS size FROM events
           WHERE sequence > $1 ORDER BY sequence LIMIT ${lookedFor(query)}) AS found
     LEFT JOIN conversations ON conversations.tracking_id = found.tracking_id ORDER BY sequence`,
    [after, types, ...equalities.map(({ value }) => value)],
  );
}

async function read(sql: Transaction, sequences: readonly number[]): Promise<LoggedEvent[]> {
  const rows = await sql.all<EventRow & { readonly account: string | null; readonly size: number }>(
    `SELECT events.*, pg_column_size(data) AS size, account FROM events
     JOIN conversations ON conversations.tracking_id = events.tracking_id
     WHERE sequence = ANY ($1) ORDER BY sequence`,
    [sequences],
  );
  return rows.flatMap((row) =>
    readableEvents(sql, [row]).map((event) => ({
      event: event as ConversationEvent,
      account: row.account,
      sizeBytes: row.size,
    })),
  );
}
