import type { Json } from '../../../core/json.ts';
import type { RecordedEvent } from '../../../record/events.ts';
import {
  type FollowedName,
  followed,
  type ProjectionName,
  type ProjectionState,
  projectionNames,
} from '../../../record/projections.ts';
import type { FollowedPiece } from '../../follower.ts';
import { defaultLeapEvents, type Extent, pieceBytes } from '../../gap.ts';
import type { Generation, SearchMove, StateRow } from '../../generation.ts';
import type { PostgresDatabase, Transaction } from '../database.ts';
import { type EventRow, readableEvents } from '../rows.ts';
import { mendConversations } from './conversations.ts';
import { leap } from './gap.ts';
import { clearSearch, indexConversations, searchTable } from './search.ts';
import { addCompletions, clearStatistics } from './statistics.ts';

interface Part {
  apply(sql: Transaction, generation: Generation, events: readonly RecordedEvent[]): Promise<void>;
  /** Removes some of a generation; resolves with whether nothing is left. */
  clear(sql: Transaction, generation: number, limit: number): Promise<boolean>;
}

const parts: Readonly<Record<FollowedName, Part>> = {
  search: { apply: indexConversations, clear: clearSearch },
  statistics: { apply: addCompletions, clear: clearStatistics },
};

/**
 * One piece of each projection, in a transaction of its own: it goes on with the events after its position, and its position with it, so
 * that a crash leaves it where it was or where it would be. Of many processes one at a time does it: whoever has the row of the
 * projection; the others leave it to that one. One that is made anew has a second position, for the other of its two generations, which
 * is emptied first; when that has come to the end of the log, the two change places.
 */
export async function followPiece(
  database: PostgresDatabase,
  limit: number,
  leapEvents = defaultLeapEvents,
): Promise<FollowedPiece> {
  // What has nothing to do writes nothing either.
  if (await database.read(isUpToDate)) return { isThrough: true, tookMs: 0 };
  const begun = performance.now();
  let isThrough = true;
  for (const name of projectionNames) {
    const done = await database.write(async (sql) => {
      const text = 'SELECT * FROM projections WHERE name = $1 FOR UPDATE SKIP LOCKED';
      const [state] = await sql.all<StateRow>(text, [name]);
      return state === undefined || advance(sql, state, { limit, leapEvents });
    });
    isThrough &&= done;
  }
  return { isThrough, tookMs: performance.now() - begun };
}

/** Also when what was erased from one generation may be in the other one still, it is not. */
async function isUpToDate(sql: Transaction): Promise<boolean> {
  const leftOfSearch = (generation: number) =>
    `generation <> ${generation} AND EXISTS (SELECT 1 FROM ${searchTable(generation)})`;
  const text = `SELECT 1 FROM projections WHERE next_position IS NOT NULL
    OR gap_to IS NOT NULL OR name <> 'conversations' AND position < (SELECT max(sequence) FROM events)
    OR name = 'search' AND (${leftOfSearch(0)} OR ${leftOfSearch(1)})
    OR name = 'statistics' AND EXISTS (SELECT 1 FROM statistics WHERE generation = 1 - projections.generation)`;
  return (await sql.all(text)).length === 0;
}

/** Resolves with whether nothing is left to do. */
async function advance(sql: Transaction, state: StateRow, { limit, leapEvents }: Extent): Promise<boolean> {
  if (state.name === 'conversations') return state.next_position === null || mendPiece(sql, state, limit);
  const { name, generation, key_id: keyId, next_position: nextPosition } = state;
  const part = parts[name];
  if (name === 'search' && (await leap(sql, state, leapEvents))) return false;
  const live = await eventsAfter(sql, state.position, limit, followed[name]);
  if (live.last !== state.position) {
    await part.apply(sql, { generation, keyId }, live.events);
    await sql.run('UPDATE projections SET position = $2 WHERE name = $1', [name, live.last]);
  }
  const isFilled = live.isEnd && (await fillGap(sql, state, limit));
  if (nextPosition === null) return (await part.clear(sql, 1 - generation, limit)) && isFilled;
  if (nextPosition === 0 && !(await part.clear(sql, 1 - generation, limit))) return false;
  const next = await eventsAfter(sql, nextPosition, limit, followed[name]);
  const nextKeyId = nextPosition === 0 ? (sql.content.keyId ?? null) : state.next_key_id;
  await part.apply(sql, { generation: 1 - generation, keyId: nextKeyId }, next.events);
  const text = next.isEnd
    ? `UPDATE projections SET generation = 1 - generation, position = $2, next_position = NULL, gap_after = NULL, gap_to = NULL, key_id = $3, next_key_id = NULL
       WHERE name = $1`
    : 'UPDATE projections SET next_position = $2, next_key_id = $3 WHERE name = $1';
  await sql.run(text, [name, next.last, nextKeyId]);
  return false;
}

/** Looks at the newest events of the gap; resolves with whether nothing is left of it. */
async function fillGap(
  sql: Transaction,
  { name, generation, key_id: keyId, gap_after: after, gap_to: to }: StateRow,
  limit: number,
): Promise<boolean> {
  if (name === 'conversations' || after === null || to === null) return true;
  const next = 'FROM events WHERE sequence > $2 AND sequence <= $3 ORDER BY sequence DESC LIMIT $1';
  const count = await fitting(sql, next, [after, to], limit);
  const rows = await sql.all<EventRow>(
    `SELECT sequence, id, tracking_id, type, at, CASE WHEN type = ANY ($4) THEN data END AS data ${next}`,
    [count, after, to, followed[name]],
  );
  const wanted = rows.filter((row) => row.data !== null).reverse();
  await parts[name].apply(sql, { generation, keyId }, readableEvents(sql, wanted));
  const rest = rows.length < count ? null : rows.at(-1)!.sequence - 1;
  await sql.run('UPDATE projections SET gap_to = $2 WHERE name = $1', [name, rest]);
  return rest === null;
}

async function mendPiece(
  sql: Transaction,
  { name, next_position: position }: StateRow,
  limit: number,
): Promise<boolean> {
  const { events, last, isEnd } = await eventsAfter(sql, position!, limit, ['WEBHOOK_REQUEST_RECEIVED']);
  const changed = await mendConversations(sql, events);
  const text = 'UPDATE projections SET next_position = $2, changed = changed + $3 WHERE name = $1';
  await sql.run(text, [name, isEnd ? null : last, changed]);
  return isEnd;
}

/** The next events of the log, of which only those of some types are read, and the last one that was looked at. */
async function eventsAfter(sql: Transaction, position: number, limit: number, types: readonly string[]) {
  const next = 'FROM events WHERE sequence > $2 ORDER BY sequence LIMIT $1';
  const count = await fitting(sql, next, [position], limit);
  const rows = await sql.all<EventRow & { readonly data: Json | null }>(
    `SELECT sequence, id, tracking_id, type, at, CASE WHEN type = ANY ($3) THEN data END AS data ${next}`,
    [count, position, types],
  );
  const events = readableEvents(
    sql,
    rows.filter((row) => row.data !== null),
  );
  return { events, last: rows.at(-1)?.sequence ?? position, isEnd: rows.length < count };
}

/** How many of the next events are read at once: fewer where they are large. */
async function fitting(
  sql: Transaction,
  next: string,
  range: readonly number[],
  limit: number,
): Promise<number> {
  const text = `SELECT sum(size) AS bytes FROM (SELECT pg_column_size(data) AS size ${next}) AS found`;
  const [found] = await sql.all<{ bytes: number | null }>(text, [limit, ...range]);
  if (limit === 1 || (found!.bytes ?? 0) <= pieceBytes) return limit;
  return fitting(sql, next, range, Math.floor(limit / 2));
}

/** The generation of a projection that is read now. */
export async function generationOf(sql: Transaction, name: FollowedName): Promise<Generation> {
  const text = 'SELECT generation, key_id AS "keyId" FROM projections WHERE name = $1';
  return (await sql.all<Generation>(text, [name]))[0]!;
}

/**
 * Events that a projection has not looked at: counted, as numbers have gaps, and not for ever. Whatever is asked of search and statistics says it, so
 * that it must cost little in a large log.
 */
export async function behindOf(sql: Transaction, name: FollowedName): Promise<number> {
  const counted = (where: string) =>
    `(SELECT count(*) FROM (SELECT 1 FROM events WHERE ${where} LIMIT 100000) AS found)`;
  const text = `SELECT ${counted('sequence > position')} + ${counted('sequence > gap_after AND sequence <= gap_to')} AS behind
    FROM projections WHERE name = $1`;
  return (await sql.all<{ behind: number }>(text, [name]))[0]!.behind;
}

export async function projectionStates(sql: Transaction): Promise<ProjectionState[]> {
  const rows = await sql.all<StateRow>('SELECT * FROM projections');
  const states: ProjectionState[] = [];
  for (const name of projectionNames) {
    const { next_position: next, changed } = rows.find((row) => row.name === name)!;
    const rebuilding = next === null ? null : { ...(await progressOf(sql, next)), changed };
    states.push({ name, behind: name === 'conversations' ? 0 : await behindOf(sql, name), rebuilding });
  }
  return states;
}

async function progressOf(sql: Transaction, position: number) {
  const text = 'SELECT count(*) FILTER (WHERE sequence <= $1) AS done, count(*) AS of FROM events';
  return (await sql.all<{ done: number; of: number }>(text, [position]))[0]!;
}

/** Position 0 stands for a generation that has to be emptied before it is filled. */
export async function beginRebuild(sql: Transaction, names: readonly ProjectionName[]): Promise<void> {
  const text = `UPDATE projections SET next_position = 0, changed = 0
    WHERE name = ANY ($1) AND next_position IS NULL`;
  await sql.run(text, [names]);
}

/** What was copied has numbers that the projections have passed: they begin again, from the beginning. */
export async function beginAgain(sql: Transaction): Promise<void> {
  await sql.run(`UPDATE projections SET next_position = 0 WHERE name <> 'conversations'`);
}

/** How far what is searched has come under this key (null: words as they are). */
export async function searchUnder(sql: Transaction, keyId: string | null): Promise<SearchMove> {
  const text = `SELECT * FROM projections WHERE name = 'search'`;
  const { generation, key_id: present, next_position: next } = (await sql.all<StateRow>(text))[0]!;
  if (present !== keyId || next !== null) return 'other';
  const left = await sql.all(`SELECT 1 FROM ${searchTable(1 - generation)} LIMIT 1`);
  return left.length === 0 ? 'moved' : 'emptying';
}
