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
import type { PostgresDatabase, Transaction } from '../database.ts';
import { type EventRow, toEvent } from '../rows.ts';
import { mendConversations } from './conversations.ts';
import { clearSearch, indexConversations } from './search.ts';
import { addCompletions, clearStatistics } from './statistics.ts';

interface StateRow {
  readonly name: ProjectionName;
  readonly generation: number;
  readonly position: number;
  readonly next_position: number | null;
  readonly changed: number;
}

interface Part {
  apply(sql: Transaction, generation: number, events: readonly RecordedEvent[]): Promise<void>;
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
export async function followPiece(database: PostgresDatabase, limit: number): Promise<FollowedPiece> {
  // What has nothing to do writes nothing either.
  if (await database.read(isUpToDate)) return { isThrough: true, tookMs: 0 };
  const begun = performance.now();
  let isThrough = true;
  for (const name of projectionNames) {
    const done = await database.write(async (sql) => {
      const text = 'SELECT * FROM projections WHERE name = $1 FOR UPDATE SKIP LOCKED';
      const [state] = await sql.all<StateRow>(text, [name]);
      return state === undefined || advance(sql, state, limit);
    });
    isThrough &&= done;
  }
  return { isThrough, tookMs: performance.now() - begun };
}

async function isUpToDate(sql: Transaction): Promise<boolean> {
  const text = `SELECT 1 FROM projections WHERE next_position IS NOT NULL
    OR name <> 'conversations' AND position < (SELECT max(sequence) FROM events)`;
  return (await sql.all(text)).length === 0;
}

/** Resolves with whether nothing is left to do. */
async function advance(sql: Transaction, state: StateRow, limit: number): Promise<boolean> {
  if (state.name === 'conversations') return state.next_position === null || mendPiece(sql, state, limit);
  const { name, generation, next_position: nextPosition } = state;
  const part = parts[name];
  const live = await eventsAfter(sql, state.position, limit, followed[name]);
  if (live.last !== state.position) {
    await part.apply(sql, generation, live.events);
    await sql.run('UPDATE projections SET position = $2 WHERE name = $1', [name, live.last]);
  }
  if (nextPosition === null) return (await part.clear(sql, 1 - generation, limit)) && live.isEnd;
  if (nextPosition === 0 && !(await part.clear(sql, 1 - generation, limit))) return false;
  const next = await eventsAfter(sql, nextPosition, limit, followed[name]);
  await part.apply(sql, 1 - generation, next.events);
  const text = next.isEnd
    ? 'UPDATE projections SET generation = 1 - generation, position = $2, next_position = NULL WHERE name = $1'
    : 'UPDATE projections SET next_position = $2 WHERE name = $1';
  await sql.run(text, [name, next.last]);
  return false;
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
  const rows = await sql.all<EventRow & { readonly data: Json | null }>(
    `SELECT sequence, id, tracking_id, type, at, CASE WHEN type = ANY ($3) THEN data END AS data
     FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2`,
    [position, limit, types],
  );
  const events = rows.filter((row) => row.data !== null).map(toEvent);
  return { events, last: rows.at(-1)?.sequence ?? position, isEnd: rows.length < limit };
}

/** The generation of a projection that is read now. */
export async function generationOf(sql: Transaction, name: FollowedName): Promise<number> {
  const text = 'SELECT generation FROM projections WHERE name = $1';
  return (await sql.all<{ generation: number }>(text, [name]))[0]!.generation;
}

/** Events that a projection has not looked at: counted, as numbers have gaps, and not for ever. */
export async function behindOf(sql: Transaction, name: FollowedName): Promise<number> {
  const text = `SELECT count(*) AS n FROM (SELECT 1 FROM events
    WHERE sequence > (SELECT position FROM projections WHERE name = $1) LIMIT 100000) AS found`;
  return (await sql.all<{ n: number }>(text, [name]))[0]!.n;
}

interface CountedState extends StateRow {
  readonly behind: number;
  readonly done: number | null;
}

export async function projectionStates(sql: Transaction): Promise<ProjectionState[]> {
  const rows = await sql.all<CountedState>(
    `SELECT *, (SELECT count(*) FROM events WHERE sequence > position) AS behind,
       CASE WHEN next_position IS NOT NULL THEN (SELECT count(*) FROM events WHERE sequence <= next_position) END AS done
     FROM projections`,
  );
  const [total] = await sql.all<{ n: number }>('SELECT count(*) AS n FROM events');
  return projectionNames.map((name) => {
    const { behind, done, changed } = rows.find((row) => row.name === name)!;
    const rebuilding = done === null ? null : { done, of: total!.n, changed };
    return { name, behind: name === 'conversations' ? 0 : behind, rebuilding };
  });
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
