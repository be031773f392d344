import type { RecordedEvent } from '../../../record/events.ts';
import {
  type FollowedName,
  followed,
  type ProjectionName,
  type ProjectionState,
  projectionNames,
} from '../../../record/projections.ts';
import type { Database, ReadSql, WriteSql } from '../../../sqlite/database.ts';
import { type DatabaseThreads, ThreadGone } from '../../../sqlite/threads.ts';
import type { FollowedPiece } from '../../follower.ts';
import { defaultLeapEvents, type Extent, pieceBytes } from '../../gap.ts';
import type { Generation, SearchMove, StateRow } from '../../generation.ts';
import { type EventRow, readableEvents } from '../rows.ts';
import { mendConversations } from './conversations.ts';
import { leap } from './gap.ts';
import { clearSearch, indexConversations, isSearchClear } from './search.ts';
import { addCompletions, clearStatistics, isStatisticsClear } from './statistics.ts';

interface Part {
  apply(sql: WriteSql, generation: Generation, events: readonly RecordedEvent[]): void;
  /** Removes some of a generation; returns whether nothing is left. */
  clear(sql: WriteSql, generation: number, limit: number): boolean;
  /** Whether a generation has nothing: what was erased from the other one may be in it still. */
  isClear(sql: ReadSql, generation: number): boolean;
}

const parts: Readonly<Record<FollowedName, Part>> = {
  search: { apply: indexConversations, clear: clearSearch, isClear: isSearchClear },
  statistics: { apply: addCompletions, clear: clearStatistics, isClear: isStatisticsClear },
};

export interface FollowOptions {
  readonly leapEvents?: number;
  readonly thread?: DatabaseThreads | undefined;
}

/**
 * One piece of all projections, in one transaction, in a thread of its own where there is one: the database lends it its turn to write. What has nothing to
 * do writes nothing either.
 */
export async function followPiece(
  database: Database,
  limit: number,
  { leapEvents = defaultLeapEvents, thread }: FollowOptions = {},
): Promise<FollowedPiece> {
  const extent = { limit, leapEvents };
  if (await database.read(isUpToDate)) return { isThrough: true, tookMs: 0 };
  const here = () => database.write((sql) => advanceAll(sql, extent));
  if (thread === undefined) return here();
  try {
    return await database.lend(
      () => thread.ask({ name: 'advance', argument: extent }) as Promise<FollowedPiece>,
    );
  } catch (error) {
    if (error instanceof ThreadGone) return here();
    throw error;
  }
}

/**
 * Each projection goes on with the events after its position, and its position with it, so that a crash leaves it where it was or where it would be. One that
 * is made anew has a second position, for the other of its two generations, which is emptied first; when that has come to the end of the log, the
 * two change places.
 */
export function advanceAll(sql: WriteSql, extent: Extent): FollowedPiece {
  const begun = performance.now();
  const through = states(sql).map((state) => advance(sql, state, extent));
  return { isThrough: through.every(Boolean), tookMs: performance.now() - begun };
}

function isUpToDate(sql: ReadSql): boolean {
  const last = lastSequence(sql);
  return states(sql).every(
    (state) =>
      state.next_position === null &&
      (state.name === 'conversations' ||
        (state.position >= last &&
          state.gap_to === null &&
          parts[state.name].isClear(sql, 1 - state.generation))),
  );
}

/** Returns whether nothing is left to do. */
function advance(sql: WriteSql, state: StateRow, { limit, leapEvents }: Extent): boolean {
  if (state.name === 'conversations') return state.next_position === null || mendPiece(sql, state, limit);
  const { name, generation, key_id: keyId } = state;
  const part = parts[name];
  if (name === 'search' && leap(sql, state, lastSequence(sql), leapEvents)) return false;
  const live = eventsAfter(sql, state.position, limit, followed[name]);
  if (live.last !== state.position) {
    part.apply(sql, { generation, keyId }, live.events);
    sql.run('UPDATE projections SET position = ? WHERE name = ?', live.last, name);
  }
  const isFilled = !live.isEnd || fillGap(sql, state, limit);
  if (state.next_position === null) return part.clear(sql, 1 - generation, limit) && live.isEnd && isFilled;
  if (state.next_position === 0 && !part.clear(sql, 1 - generation, limit)) return false;
  const nextKeyId = state.next_position === 0 ? (sql.content.keyId ?? null) : state.next_key_id;
  const next = eventsAfter(sql, state.next_position, limit, followed[name]);
  part.apply(sql, { generation: 1 - generation, keyId: nextKeyId }, next.events);
  const forward = 'UPDATE projections SET next_position = ?, next_key_id = ? WHERE name = ?';
  sql.run(forward, next.last, nextKeyId, name);
  if (!next.isEnd) return false;
  const swap = `UPDATE projections SET generation = ?, position = ?, next_position = CASE again WHEN 1 THEN 0 END, again = 0, gap_after = NULL, gap_to = NULL, key_id = next_key_id, next_key_id = NULL
    WHERE name = ?`;
  sql.run(swap, 1 - generation, next.last, name);
  return false;
}

/** Looks at the newest events of the gap; returns whether nothing is left of it. */
function fillGap(
  sql: WriteSql,
  { name, generation, key_id: keyId, gap_after: after, gap_to: to }: StateRow,
  limit: number,
): boolean {
  if (name === 'conversations' || after === null || to === null) return true;
  const next = 'FROM events WHERE sequence > ? AND sequence <= ? ORDER BY sequence DESC LIMIT ?';
  const count = fitting(sql, next, [after, to], limit);
  const rows = sql.all<EventRow>(`SELECT * ${next}`, after, to, count);
  const wanted = rows.filter((row) => isOf(name, row)).reverse();
  parts[name].apply(sql, { generation, keyId }, readableEvents(sql, wanted));
  const rest = rows.length < count ? null : rows.at(-1)!.sequence - 1;
  sql.run('UPDATE projections SET gap_to = ? WHERE name = ?', rest, name);
  return rest === null;
}

const isOf = (name: FollowedName, { type }: EventRow): boolean =>
  (followed[name] as readonly string[]).includes(type);

function mendPiece(sql: WriteSql, { name, next_position: position }: StateRow, limit: number): boolean {
  const { events, last, isEnd } = eventsAfter(sql, position!, limit, ['WEBHOOK_REQUEST_RECEIVED']);
  const changed = mendConversations(sql, events);
  const text = 'UPDATE projections SET next_position = ?, changed = changed + ?, again = 0 WHERE name = ?';
  sql.run(text, isEnd ? null : last, changed, name);
  return isEnd;
}

/** The next events of the log, of which only those of some types are read, and the last one that was looked at. */
function eventsAfter(sql: ReadSql, position: number, limit: number, types: readonly string[]) {
  const list = types.map((type) => `'${type}'`).join(', ');
  const next = 'FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?';
  const count = fitting(sql, next, [position], limit);
  const rows = sql.all<EventRow & { readonly data: string | null }>(
    `SELECT sequence, id, tracking_id, type, at, CASE WHEN type IN (${list}) THEN data END AS data ${next}`,
    ...[position, count],
  );
  const events = readableEvents(
    sql,
    rows.filter((row) => row.data !== null),
  );
  return { events, last: rows.at(-1)?.sequence ?? position, isEnd: rows.length < count };
}

/** How many of the next events are read at once: fewer where they are large. SQLite knows their length from the heads of their rows. */
function fitting(sql: ReadSql, next: string, range: readonly number[], limit: number): number {
  const text = `SELECT sum(size) AS bytes FROM (SELECT octet_length(data) AS size ${next})`;
  const { bytes } = sql.get<{ bytes: number | null }>(text, ...range, limit)!;
  if (limit === 1 || (bytes ?? 0) <= pieceBytes) return limit;
  return fitting(sql, next, range, Math.floor(limit / 2));
}

const states = (sql: ReadSql): StateRow[] => sql.all<StateRow>('SELECT * FROM projections');

/** The generation of a projection that is read now. */
export function generationOf(sql: ReadSql, name: FollowedName): Generation {
  const { generation, key_id: keyId } = stateOf(sql, name);
  return { generation, keyId };
}

const stateOf = (sql: ReadSql, name: ProjectionName): StateRow =>
  sql.get<StateRow>('SELECT * FROM projections WHERE name = ?', name)!;

/** Events that a projection has not looked at. */
export function behindOf(sql: ReadSql, name: FollowedName): number {
  const { position, gap_after: after, gap_to: to } = stateOf(sql, name);
  return Math.max(0, lastSequence(sql) - position) + (to === null ? 0 : to - (after ?? 0));
}

const lastSequence = (sql: ReadSql): number =>
  sql.get<{ last: number | null }>('SELECT max(sequence) AS last FROM events')!.last ?? 0;

export function projectionStates(sql: ReadSql): ProjectionState[] {
  const of = lastSequence(sql);
  return projectionNames.map((name) => {
    const { next_position: done, changed } = stateOf(sql, name);
    return {
      name,
      behind: name === 'conversations' ? 0 : behindOf(sql, name),
      rebuilding: done === null ? null : { done: Math.min(done, of), of, changed },
    };
  });
}

/**
 * Position 0 stands for a generation that has to be emptied before it is filled. What is being made anew is made once more after that: it may
 * have taken over already what is the reason to ask.
 */
export function beginRebuild(sql: WriteSql, names: readonly ProjectionName[]): void {
  for (const name of names) {
    const once = 'UPDATE projections SET again = 1 WHERE name = ? AND next_position > 0';
    const first =
      'UPDATE projections SET next_position = 0, changed = 0 WHERE name = ? AND next_position IS NULL';
    if (sql.run(once, name).changes === 0) sql.run(first, name);
  }
}

/** How far what is searched has come under this key (null: words as they are). */
export function searchUnder(sql: ReadSql, keyId: string | null): SearchMove {
  const { generation, key_id: present, next_position: next } = stateOf(sql, 'search');
  if (present !== keyId || next !== null) return 'other';
  return isSearchClear(sql, 1 - generation) ? 'moved' : 'emptying';
}
