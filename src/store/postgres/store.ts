import type { Json } from '../../core/json.ts';
import { sealValue } from '../../encryption/sealed-table.ts';
import type { Source } from '../../inbound/source.ts';
import { assemble } from '../../record/assemble.ts';
import type { ConversationSummary } from '../../record/conversation.ts';
import type { ConversationStatus, RecordedEvent, WebhookType } from '../../record/events.ts';
import type { LiveRecord } from '../../record/live.ts';
import { sourceContent } from '../content.ts';
import type { Follower } from '../follower.ts';
import { rememberingCounts } from '../remembered-counts.ts';
import type { Store } from '../store.ts';
import { createAlarmRecords } from './alarms.ts';
import { AppendQueue } from './append-queue.ts';
import { createAudit } from './audit.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { createErasing } from './erasing.ts';
import { createEventLog } from './event-log.ts';
import { createIdentities } from './identities.ts';
import { countConversations, listConversations } from './list.ts';
import { beginRebuild, projectionStates } from './projections/following.ts';
import {
  type EndpointRow,
  type EventRow,
  openParsed,
  summaryColumns,
  toDisabledEndpoint,
  toEvent,
  toSummary,
} from './rows.ts';
import { searchConversations } from './search.ts';
import { readStatistics } from './statistics.ts';

/** How far back the search for recent answers goes when many of the latest conversations have none yet. */
const recentWindow = 10_000;

/** The store that many processes share. What this process writes is published in it once it is durable. */
export function createPostgresStore(database: PostgresDatabase, live: LiveRecord, follower: Follower): Store {
  const queue = new AppendQueue(database, (events) => live.publish(events));
  return {
    append: (facts) => queue.append(facts),

    conversation: (trackingId) =>
      database.read(async (sql) => {
        const found = await summary(sql, trackingId);
        return found && assemble(found, await eventsAfter(sql, trackingId, 0, 10_000));
      }),

    summary: (trackingId) => database.read((sql) => summary(sql, trackingId)),

    conversations: (filter = {}) => listConversations(database, filter),

    count: (filter = {}) => countConversations(database, filter),

    events: (trackingId, afterSequence = 0, limit = 1_000) =>
      database.read((sql) => eventsAfter(sql, trackingId, afterSequence, limit)),

    search: (search) => searchConversations(database, search),

    statistics: (range) => readStatistics(database, range),

    projections: () => database.read(projectionStates),

    async rebuild(names) {
      await database.write((sql) => beginRebuild(sql, names));
      follower.wake();
    },

    recentAnswerTimesMs: (type, limit) => database.read((sql) => recentAnswerTimes(sql, type, limit)),

    counts: rememberingCounts(() => database.read(countByStatus)),

    ...createEndpoints(database),
    ...createSources(database),
    ...createIdentities(database),
    ...createAudit(database),
    ...createAlarmRecords(database),
    ...createEventLog(database),
    ...createErasing(database, live),
  };
}

type Endpoints = 'disableEndpoint' | 'enableEndpoint' | 'disabledEndpoint' | 'disabledEndpoints';

function createEndpoints(database: PostgresDatabase): Pick<Store, Endpoints> {
  return {
    async disableEndpoint({ url, disabledAt, reason }) {
      const text =
        'INSERT INTO disabled_endpoints (url, disabled_at, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING';
      await database.write((sql) => sql.run(text, [url, disabledAt, reason]));
    },

    enableEndpoint: (url) =>
      database.write(
        async (sql) => (await sql.run('DELETE FROM disabled_endpoints WHERE url = $1', [url])) > 0,
      ),

    disabledEndpoint: (url) =>
      database.read(async (sql) => {
        const [row] = await sql.all<EndpointRow>('SELECT * FROM disabled_endpoints WHERE url = $1', [url]);
        return row && toDisabledEndpoint(row);
      }),

    disabledEndpoints: () =>
      database.read(async (sql) => {
        const rows = await sql.all<EndpointRow>('SELECT * FROM disabled_endpoints ORDER BY url COLLATE "C"');
        return rows.map(toDisabledEndpoint);
      }),
  };
}

interface SourceRow {
  readonly name: string;
  readonly definition: Json;
}

const toSource = (sql: Transaction, { name, definition }: SourceRow) =>
  openParsed(sql, sourceContent, 'definition', definition, name) as unknown as Source;

function createSources(
  database: PostgresDatabase,
): Pick<Store, 'source' | 'sources' | 'putSource' | 'deleteSource'> {
  return {
    source: (name) =>
      database.read(async (sql) => {
        const rows = await sql.all<SourceRow>('SELECT * FROM sources WHERE name = $1', [name]);
        return rows[0] && toSource(sql, rows[0]);
      }),

    sources: () =>
      database.read(async (sql) => {
        const rows = await sql.all<SourceRow>('SELECT * FROM sources ORDER BY name COLLATE "C"');
        return rows.map((row) => toSource(sql, row));
      }),

    putSource: (source) =>
      database.write(async (sql) => {
        // A row that this very statement inserted has no transaction that updated or locked it.
        const text = `INSERT INTO sources (name, definition) VALUES ($1, $2)
          ON CONFLICT (name) DO UPDATE SET definition = excluded.definition RETURNING xmax = 0 AS created`;
        const { name } = source;
        const definition = sealValue(sql.content, sourceContent, 'definition', JSON.stringify(source), name);
        const [row] = await sql.all<{ created: boolean }>(text, [name, definition]);
        return row!.created;
      }),

    deleteSource: (name) =>
      database.write(async (sql) => (await sql.run('DELETE FROM sources WHERE name = $1', [name])) > 0),
  };
}

async function summary(sql: Transaction, trackingId: string): Promise<ConversationSummary | undefined> {
  const text = `SELECT ${summaryColumns} FROM conversations WHERE tracking_id = $1`;
  const [row] = await sql.all<ConversationSummary>(text, [trackingId]);
  return row && toSummary(sql, row);
}

async function eventsAfter(
  sql: Transaction,
  trackingId: string,
  sequence: number,
  limit: number,
): Promise<RecordedEvent[]> {
  const text = 'SELECT * FROM events WHERE tracking_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3';
  const rows = await sql.all<EventRow>(text, [trackingId, sequence, limit]);
  return rows.map((row) => toEvent(sql, row));
}

async function recentAnswerTimes(sql: Transaction, type: WebhookType, limit: number): Promise<number[]> {
  const rows = await sql.all<{ time: number }>(
    `SELECT time FROM
       (SELECT answer_time_ms AS time FROM conversations WHERE webhook_type = $1 ORDER BY received_at DESC LIMIT ${recentWindow}) AS recent
     WHERE time IS NOT NULL LIMIT $2`,
    [type, limit],
  );
  return rows.map((row) => row.time);
}

async function countByStatus(sql: Transaction): Promise<Partial<Record<ConversationStatus, number>>> {
  const rows = await sql.all<{ status: ConversationStatus; count: number }>(
    'SELECT status, count(*) AS count FROM conversations GROUP BY status',
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}
