import { SignalboxError } from '../../core/errors.ts';
import type { Sql } from '../../sqlite/database.ts';
import { keepError } from '../kept-error.ts';
import { operationsOf, pauseRun, runById } from './journal.ts';

interface SuspectRow {
  readonly run: number;
  readonly deaths: number;
  readonly progress: number;
  readonly in_flight: number;
}

export interface Parked {
  readonly id: number;
  readonly error: SignalboxError;
}

/**
 * Runs that may be what ended the process. A process that lives costs nothing: only when one has died, what the next one takes
 * up from its queue is noted before it executes, and forgotten when it has come to rest. A run that is found noted after the
 * next death was executing then.
 *
 * The first death of a run is an assumption (it was queued or executing), the further ones are facts. One that has got further
 * since, by an operation that ended or an attempt that failed, begins again at one. A clean stop forgets all. Who could be parked by
 * one more death executes alone among its like, so that the death says which of them it was.
 */
export class Suspects {
  readonly #recovered = new Map<number, number>();
  readonly #inFlight = new Set<number>();
  #alone: number | undefined;
  readonly #limit: number | null;

  /** `limit`: the deaths in a row after which a run is parked; null for never. */
  constructor(limit: number | null) {
    this.#limit = limit;
  }

  /** Takes stock after the end of another process; returns the runs that it parks. */
  recover(sql: Sql): Parked[] {
    const { alive } = sql.get<{ alive: number }>('SELECT alive FROM process')!;
    sql.run('UPDATE process SET alive = 1');
    if (alive === 0 || this.#limit === null) return [];
    const parked: Parked[] = [];
    for (const row of sql.all<SuspectRow>('SELECT * FROM suspects')) {
      const error = this.#takeStock(sql, row);
      if (error !== undefined) parked.push({ id: row.run, error });
    }
    const queued = `SELECT id, coalesce(deaths, 0) AS deaths FROM runs LEFT JOIN suspects ON run = id
                    WHERE status = 'queued' AND ended_at IS NULL AND delayed IS NULL`;
    for (const { id, deaths } of sql.all<{ id: number; deaths: number }>(queued)) {
      this.#recovered.set(id, deaths);
    }
    return parked;
  }

  #takeStock(sql: Sql, row: SuspectRow): SignalboxError | undefined {
    const hasProgress = progressOf(sql, row.run) > row.progress;
    const deaths = hasProgress ? 1 : row.deaths + row.in_flight;
    const isParked = row.in_flight === 1 && deaths >= this.#limit!;
    if (isParked || hasProgress || !isQueued(sql, row.run)) {
      sql.run('DELETE FROM suspects WHERE run = ?', row.run);
      if (!isParked || !isQueued(sql, row.run)) return undefined;
      const error = crashedRepeatedly(sql, row.run, deaths);
      pauseRun(sql, row.run, JSON.stringify(keepError(error, 'crashed_repeatedly')));
      return error;
    }
    sql.run('UPDATE suspects SET deaths = ?, in_flight = 0 WHERE run = ?', deaths, row.run);
    return undefined;
  }

  /** Whether the run is to be noted before it executes. */
  has(id: number): boolean {
    return this.#recovered.has(id);
  }

  /** Whether one executes that must be alone. */
  get isOneAlone(): boolean {
    return this.#alone !== undefined;
  }

  /** Whether it must wait until another one has come to rest. */
  mustWait(id: number): boolean {
    return this.#alone !== undefined && this.#isLastChance(this.#recovered.get(id) ?? 1);
  }

  /** Begins to note a run; the write has to be durable before it executes. */
  note(id: number): (sql: Sql) => void {
    const deaths = Math.max(1, this.#recovered.get(id) ?? 1);
    if (this.#isLastChance(deaths)) this.#alone = id;
    this.#recovered.delete(id);
    this.#inFlight.add(id);
    return (sql) =>
      void sql.run(
        'INSERT OR REPLACE INTO suspects (run, deaths, progress, in_flight) VALUES (?, ?, ?, 1)',
        id,
        deaths,
        progressOf(sql, id),
      );
  }

  #isLastChance(deaths: number): boolean {
    return deaths + 1 >= this.#limit!;
  }

  /** A run has come to rest: returns how to forget it, if it was noted. */
  settled(id: number): ((sql: Sql) => void) | undefined {
    this.#recovered.delete(id);
    if (!this.#inFlight.delete(id)) return undefined;
    if (this.#alone === id) this.#alone = undefined;
    return (sql) => void sql.run('DELETE FROM suspects WHERE run = ?', id);
  }
}

/** Notes that the process ends as it should. */
export function noteCleanStop(sql: Sql): void {
  sql.run('UPDATE process SET alive = 0');
  sql.run('DELETE FROM suspects');
}

/** Grows with each operation that ends and each attempt that fails. */
function progressOf(sql: Sql, run: number): number {
  return sql.get<{ progress: number }>(
    'SELECT count(ended_at) + coalesce(sum(attempts), 0) AS progress FROM operations WHERE run = ?',
    run,
  )!.progress;
}

function isQueued(sql: Sql, run: number): boolean {
  return runById(sql, run)?.status === 'queued';
}

function crashedRepeatedly(sql: Sql, run: number, deaths: number): SignalboxError {
  const { run_id: runId } = runById(sql, run)!;
  const last = operationsOf(sql, run)
    .filter((operation) => operation.ended_at !== null)
    .at(-1);
  const place =
    last === undefined ? 'before its first operation ended' : `after "${last.name}" (${last.position})`;
  return new SignalboxError(
    'crashed_repeatedly',
    `Run ${runId} was executing when the process died ${deaths} times in a row, each time ${place}. It is parked so that the others can go on. Mend what it runs into, then resume it; or terminate it.`,
    { details: { deaths, position: last?.position ?? null } },
  );
}
