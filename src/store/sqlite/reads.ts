import type { ConversationStatus } from '../../record/events.ts';
import type { ReadSource, ReadSql } from '../../sqlite/database.ts';
import { type DatabaseThreads, ThreadGone } from '../../sqlite/threads.ts';
import { readEventLog } from './event-log.ts';
import { countConversations, listConversations } from './list.ts';
import { searchConversations } from './search.ts';
import { readStatistics } from './statistics.ts';

/** What may take longer than one row: it is read by threads beside the database, so that nobody who is accepted waits for it. */
export const reads = {
  list: listConversations,
  count: countConversations,
  search: searchConversations,
  statistics: readStatistics,
  eventLog: readEventLog,
  /** Of the journal of the engine, which is in the same file. */
  rows: (source: ReadSource, text: string): Promise<unknown[]> => source.read((sql) => sql.all(text)),
  countByStatus: (source: ReadSource) => source.read(countByStatus),
} as const;

export type Reads = typeof reads;
export type ReadName = keyof Reads;

/** Asks for one of them by name. */
export type Ask = <Name extends ReadName>(
  name: Name,
  ...argument: Name extends 'countByStatus' ? [] : [Parameters<Reads[Name]>[1]]
) => ReturnType<Reads[Name]>;

function countByStatus(sql: ReadSql): Partial<Record<ConversationStatus, number>> {
  const rows = sql.all<{ status: ConversationStatus; count: number }>(
    'SELECT status, count(*) AS count FROM conversations GROUP BY status',
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

/**
 * Asks threads where there are any, else the database itself. What a thread saw may have been committed and not be on disk yet, so its answer is told
 * when everything that was committed until then is.
 */
export function asking(database: ReadSource, threads: DatabaseThreads | undefined): Ask {
  const ask = async (name: ReadName, argument: never): Promise<unknown> => {
    const here = () => reads[name](database, argument);
    if (threads === undefined) return here();
    try {
      const value = await threads.ask({ name, argument });
      return await database.read(() => value);
    } catch (error) {
      if (error instanceof ThreadGone) return here();
      throw error;
    }
  };
  return ask as Ask;
}
