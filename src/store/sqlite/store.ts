import type { FactWriter } from '../../engine/embedded/facts.ts';
import { assemble } from '../../record/assemble.ts';
import type { RecordedEvent, WebhookType } from '../../record/events.ts';
import type { LiveRecord } from '../../record/live.ts';
import type { Database, Sql } from '../../sqlite/database.ts';
import { Follower } from '../follower.ts';
import { rememberingCounts } from '../remembered-counts.ts';
import type { DisabledEndpoint, Store } from '../store.ts';
import { createAlarmRecords } from './alarms.ts';
import { appendFacts } from './append.ts';
import { createAudit } from './audit.ts';
import { createErasing } from './erasing.ts';
import { createEventLog } from './event-log.ts';
import { createIdentities } from './identities.ts';
import { beginRebuild, followPiece, projectionStates } from './projections/following.ts';
import { asking } from './reads.ts';
import { type ConversationRow, type EventRow, toDisabledEndpoint, toEvent, toSummary } from './rows.ts';
import { createSources } from './sources.ts';
import type { StoreThreads } from './threads.ts';

export interface SqliteStore extends Store {
  /** For the embedded engine: facts become events in the transaction of their operation, and are published after it. */
  readonly writeFacts: FactWriter;
  /** What follows the log. It does nothing until it is begun. */
  readonly follower: Follower;
}

/** With a thread what is accepted waits for a piece only to be written, not to be taken: fewer and larger ones cost the projections a third less. */
const pieceMsOfThread = 10;

/** How far back the search for recent answers goes when many of the latest conversations have none yet. */
const recentWindow = 10_000;

export function createSqliteStore(
  database: Database,
  live: LiveRecord,
  onError?: (error: unknown) => void,
  threads?: StoreThreads,
): SqliteStore {
  const ask = asking(database, threads?.reading);
  const piece = (limit: number) => followPiece(database, limit, { thread: threads?.following });
  const follower = new Follower({
    piece,
    ...(threads && { pieceMs: pieceMsOfThread }),
    ...(onError && { onError }),
  });
  live.subscribeAll(() => follower.wake());

  const writeFacts: FactWriter = (sql, facts) => {
    const events = appendFacts(sql, facts);
    if (events.length > 0) sql.afterCommit(() => live.publish(events));
  };

  const row = (sql: Sql, trackingId: string) =>
    sql.get<ConversationRow>('SELECT * FROM conversations WHERE tracking_id = ?', trackingId);

  const counts = rememberingCounts(() => ask('countByStatus'));

  const eventsAfter = (sql: Sql, trackingId: string, sequence: number, limit: number): RecordedEvent[] =>
    sql
      .all<EventRow>(
        'SELECT * FROM events WHERE tracking_id = ? AND sequence > ? ORDER BY sequence LIMIT ?',
        trackingId,
        sequence,
        limit,
      )
      .map((found) => toEvent(sql, found));

  const rebuild: Store['rebuild'] = async (names) => {
    await database.write((sql) => beginRebuild(sql, names));
    follower.wake();
  };

  return {
    writeFacts,
    follower,
    append: (facts) => database.write((sql) => writeFacts(sql, facts)),

    conversation: (trackingId) =>
      database.read((sql) => {
        const found = row(sql, trackingId);
        return found && assemble(toSummary(sql, found), eventsAfter(sql, trackingId, 0, 10_000));
      }),

    summary: (trackingId) =>
      database.read((sql) => {
        const found = row(sql, trackingId);
        return found && toSummary(sql, found);
      }),

    conversations: (filter = {}) => ask('list', filter),

    count: (filter = {}) => ask('count', filter),

    events: (trackingId, afterSequence = 0, limit = 1_000) =>
      database.read((sql) => eventsAfter(sql, trackingId, afterSequence, limit)),

    search: (search) => ask('search', search),

    statistics: (range) => ask('statistics', range),

    projections: () => database.read(projectionStates),

    rebuild,

    recentAnswerTimesMs: (type, limit) => database.read((sql) => recentAnswerTimes(sql, type, limit)),

    counts,

    async disableEndpoint({ url, disabledAt, reason }) {
      const text =
        'INSERT INTO disabled_endpoints (url, disabled_at, reason) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
      await database.write((sql) => void sql.run(text, url, disabledAt, reason));
    },

    enableEndpoint: (url) =>
      database.write((sql) => sql.run('DELETE FROM disabled_endpoints WHERE url = ?', url).changes === 1),

    disabledEndpoint: (url) =>
      database.read((sql) => {
        const found = sql.get('SELECT * FROM disabled_endpoints WHERE url = ?', url);
        return found && toDisabledEndpoint(found);
      }),

    disabledEndpoints: (): Promise<DisabledEndpoint[]> =>
      database.read((sql) =>
        sql.all('SELECT * FROM disabled_endpoints ORDER BY url').map(toDisabledEndpoint),
      ),

    ...createSources(database),
    ...createIdentities(database),
    ...createAudit(database),
    ...createAlarmRecords(database),
    ...createEventLog(database, ask),
    ...createErasing(database, writeFacts, rebuild, threads?.reading),
  };
}

function recentAnswerTimes(sql: Sql, type: WebhookType, limit: number): number[] {
  return sql
    .all<{ answer_time_ms: number }>(
      `SELECT answer_time_ms FROM
         (SELECT answer_time_ms FROM conversations WHERE webhook_type = ? ORDER BY received_at DESC LIMIT ${recentWindow})
       WHERE answer_time_ms IS NOT NULL LIMIT ?`,
      type,
      limit,
    )
    .map((found) => found.answer_time_ms);
}
