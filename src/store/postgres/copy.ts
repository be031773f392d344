import { SignalboxError } from '../../core/errors.ts';
import { sealValue } from '../../encryption/sealed-table.ts';
import type { Sql, SqlRow } from '../../sqlite/database.ts';
import { eventContent, sourceContent } from '../content.ts';
import { type CopiedEvent, CopySource } from './copy-source.ts';
import { type Verified, verifyCopy } from './copy-verification.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { takeLock } from './locks.ts';
import { beginAgain } from './projections/following.ts';
import { fileColumnValues, putConversations } from './rows.ts';

export interface CopyOptions {
  /** The file of a data folder that no server uses. */
  readonly from: Sql;
  readonly to: PostgresDatabase;
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Stops between two pieces; the next call goes on there. */
  readonly signal?: AbortSignal;
}

export interface CopyProgress {
  readonly doing: 'copying' | 'verifying';
  readonly events: number;
  readonly ofEvents: number;
}

export interface Copied extends Verified {
  /** Of the events, those that were not there before this call. */
  readonly newEvents: number;
  readonly disabledEndpoints: number;
  readonly sources: number;
  /** They stay with the engine that they are in. */
  readonly unfinishedRuns: number;
  readonly deadLetters: number;
}

/** Each copied record has numbers of its own, all smaller than those of events that were written here. */
const numbersEach = 1_000_000_000;
const copiesAtMost = 1_000;

/**
 * Copies the record, the disabled endpoints and the sources of one installation into PostgreSQL, event by event, and compares both sides in the
 * end. Each piece is one transaction with how far it came, so that a call that was cut off goes on there; a call after the file has
 * grown copies what has come. Servers may use the database meanwhile. Endpoints and sources are copied once, and what is there under
 * their name stays. Throws `storage_failed`, also when the sides differ, and the reason of `signal`.
 */
export async function copyRecord(options: CopyOptions): Promise<Copied> {
  const { from, to, signal } = options;
  const source = new CopySource(from);
  const total = source.count();
  const state = await beginCopy(to, source, total.last);
  let copied = state.copied;
  const newEvents = source.countAfter(copied);
  for (let done = total.events - newEvents; ; ) {
    options.onProgress?.({ doing: 'copying', events: done, ofEvents: total.events });
    signal?.throwIfAborted();
    const events = source.eventsAfter(copied);
    if (events.length === 0) break;
    await copyPiece(to, source, state, events);
    copied = events.at(-1)!.sequence;
    done += events.length;
  }
  const settings = await copySettings(to, source, state);
  const verified = await verifyCopy(source, to, state.offset, (events) => {
    signal?.throwIfAborted();
    options.onProgress?.({ doing: 'verifying', events, ofEvents: total.events });
  });
  return { ...verified, ...settings, newEvents, ...source.remaining() };
}

interface CopyState {
  readonly number: number;
  /** What numbers begin after. */
  readonly offset: number;
  readonly copied: number;
  readonly isFinished: boolean;
}

interface CopyRow {
  readonly number: number;
  readonly copied: number;
  readonly finished_at: number | null;
}

async function beginCopy(to: PostgresDatabase, source: CopySource, last: number): Promise<CopyState> {
  const { number, copied, finished_at } = await to.write(async (sql): Promise<CopyRow> => {
    await takeLock(sql, 'copy');
    const known = await knownNumber(sql, source);
    const [row] = await sql.all<CopyRow>('SELECT number, copied, finished_at FROM copies WHERE number = $1', [
      known,
    ]);
    if (row !== undefined) return row;
    const added = `INSERT INTO copies (number, copied)
      SELECT coalesce(max(number) + 1, 0), 0 FROM copies RETURNING number, copied, finished_at`;
    return (await sql.all<CopyRow>(added))[0]!;
  });
  if (number >= copiesAtMost || last >= numbersEach) {
    const limit = `${copiesAtMost} records of up to ${numbersEach} events`;
    throw new SignalboxError(
      'conflict',
      `PostgreSQL at ${to.server} can take ${limit}, and this is one more.`,
    );
  }
  return { number, offset: number * numbersEach, copied, isFinished: finished_at !== null };
}

/** Of the copy that has events of this record under their numbers; -1 when there is none. */
async function knownNumber(sql: Transaction, source: CopySource): Promise<number> {
  const events = source.firstEvents();
  const text = `
    SELECT (events.sequence - own.sequence) / ${numbersEach} AS number
    FROM unnest($1::bigint[], $2::text[], $3::text[]) AS own (sequence, id, tracking_id)
    JOIN events ON events.tracking_id = own.tracking_id AND events.id = own.id
      AND events.sequence < ${copiesAtMost * numbersEach}
    LIMIT 1`;
  const [found] = await sql.all<{ number: number }>(text, [
    events.map((event) => event.sequence),
    events.map((event) => event.id),
    events.map((event) => event.tracking_id),
  ]);
  return found?.number ?? -1;
}

async function copyPiece(
  to: PostgresDatabase,
  source: CopySource,
  { number, offset }: CopyState,
  events: readonly CopiedEvent[],
): Promise<void> {
  const conversations = source.conversations([...new Set(events.map((event) => event.tracking_id))]);
  await to.write(async (sql) => {
    await insertEvents(sql, events, offset);
    if (conversations.length > 0) {
      const ids = conversations.map(({ id }) => Number(id) + offset);
      await sql.run(putConversations, [ids, ...fileColumnValues(conversations, sql.content)]);
    }
    await beginAgain(sql);
    await sql.run('UPDATE copies SET copied = $2 WHERE number = $1', [number, events.at(-1)!.sequence]);
  });
}

async function insertEvents(sql: Transaction, events: readonly CopiedEvent[], offset: number): Promise<void> {
  await sql.run(
    `INSERT INTO events (sequence, id, tracking_id, type, at, data) OVERRIDING SYSTEM VALUE
     SELECT sequence, id, tracking_id, type, at, data::json
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
       AS event (sequence, id, tracking_id, type, at, data)
     ON CONFLICT (tracking_id, id) DO NOTHING`,
    [
      events.map((event) => event.sequence + offset),
      events.map((event) => event.id),
      events.map((event) => event.tracking_id),
      events.map((event) => event.type),
      events.map((event) => event.at),
      events.map(({ data, tracking_id, id }) =>
        sealValue(sql.content, eventContent, 'data', data, tracking_id, id),
      ),
    ],
  );
}

/** Once: what an operator has changed here since is not undone by copying what has come to the record. */
async function copySettings(to: PostgresDatabase, source: CopySource, { number, isFinished }: CopyState) {
  const endpoints = source.rowsOf('disabled_endpoints');
  const sources = source.rowsOf('sources');
  const texts = (rows: readonly SqlRow[], column: string) => rows.map((row) => String(row[column]));
  if (!isFinished) {
    await to.write(async (sql) => {
      await sql.run(
        `INSERT INTO disabled_endpoints (url, disabled_at, reason)
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[]) ON CONFLICT DO NOTHING`,
        [
          texts(endpoints, 'url'),
          endpoints.map((row) => Number(row.disabled_at)),
          texts(endpoints, 'reason'),
        ],
      );
      await sql.run(
        `INSERT INTO sources (name, definition)
         SELECT name, definition::json FROM unnest($1::text[], $2::text[]) AS source (name, definition)
         ON CONFLICT DO NOTHING`,
        [
          texts(sources, 'name'),
          sources.map(({ name, definition }) =>
            sealValue(sql.content, sourceContent, 'definition', String(definition), String(name)),
          ),
        ],
      );
      await copyKeys(sql, source);
      await sql.run('UPDATE copies SET finished_at = $2 WHERE number = $1', [number, Date.now()]);
    });
  }
  return { disabledEndpoints: endpoints.length, sources: sources.length };
}

/** Where a name is taken, the key that has it stays the only one. */
async function copyKeys(sql: Transaction, source: CopySource): Promise<void> {
  const text = `INSERT INTO api_keys (id, name, scopes, sha256, created_at, created_by, expires_at, revoked_at, last_used_at)
    SELECT $1, $2, $3, $4, $5, $6, $7::bigint, $8::bigint, $9::bigint
    WHERE NOT EXISTS (SELECT 1 FROM api_keys WHERE name = $2 AND revoked_at IS NULL) ON CONFLICT DO NOTHING`;
  await takeLock(sql, 'keys');
  for (const key of source.rowsOf('api_keys')) {
    const texts = [key.id, key.name, key.scopes, key.sha256].map(String);
    const times = [key.expires_at, key.revoked_at, key.last_used_at].map((at) => at as number | null);
    await sql.run(text, [...texts, Number(key.created_at), String(key.created_by), ...times]);
  }
}
