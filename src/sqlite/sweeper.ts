import type { Database, Sql } from './database.ts';

/** What one small piece of a task did, and where the next one begins; no `next` when the task is through. */
export interface Piece {
  readonly removed: number;
  readonly next?: Place;
}

/** A row, by what its table is in order of; 0 is before all of them. */
export type Place = number | string;

/** Something to do in the background over rows in the order of a table. */
export interface Task {
  /** What it removes; tasks that remove the same are counted together. */
  readonly name: string;
  /** Looks at no more than `limit` rows after the one at `after`, in the transaction that `sql` stands for. */
  piece(sql: Sql, after: Place, limit: number): Piece;
}

export interface SweeperOptions {
  readonly database: Database;
  readonly tasks: readonly Task[];
  /** From the end of one sweep to the next. Default: an hour. */
  readonly everyMs?: number;
  /** From `begin` to the first sweep: a start has better things to do. Default: a minute. */
  readonly firstAfterMs?: number;
  /** What a sweep removed, by task; only when that is something. */
  readonly onSwept?: (removed: Readonly<Record<string, number>>) => void;
  readonly onError?: (error: unknown) => void;
}

/** How long one piece should take: whoever is accepted meanwhile waits for it. */
const pieceMs = 4;
const rows = { first: 50, least: 20, most: 1_000 };
/** After each piece the disk and the thread are left to others for so many times as long as it took. */
const restFactor = 9;
const restBetweenMs = { least: 20, most: 1_000 };

/**
 * Goes through its tasks from time to time, in pieces that are each one write of a few milliseconds with a rest after it. A
 * piece is whole or not there at all, and none depends on the ones before, so that a crash between them is harmless.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #limit = rows.first;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#set(this.#options.firstAfterMs ?? 60_000);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Goes through all tasks once; resolves with what was removed. */
  async sweep(): Promise<Readonly<Record<string, number>>> {
    const removed: Record<string, number> = {};
    for (const task of this.#options.tasks) {
      removed[task.name] = (removed[task.name] ?? 0) + (await this.#through(task));
    }
    return removed;
  }

  #set(afterMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#sweepNow(), afterMs).unref();
  }

  #sweepNow(): void {
    const { everyMs = 3_600_000, onSwept, onError } = this.#options;
    this.sweep()
      .then(
        (removed) => Object.values(removed).some((count) => count > 0) && onSwept?.(removed),
        (error) => !this.#stopped && onError?.(error),
      )
      .finally(() => this.#set(everyMs));
  }

  async #through(task: Task): Promise<number> {
    let removed = 0;
    let after: Place | undefined = 0;
    while (after !== undefined && !this.#stopped) {
      const from: Place = after;
      const { piece, tookMs } = await this.#options.database.write((sql) => {
        const begun = performance.now();
        const piece = task.piece(sql, from, this.#limit);
        return { piece, tookMs: performance.now() - begun };
      });
      removed += piece.removed;
      after = piece.next;
      this.#adapt(tookMs);
      if (after !== undefined) await rest(tookMs * restFactor);
    }
    return removed;
  }

  #adapt(tookMs: number): void {
    if (tookMs > pieceMs) this.#limit = Math.max(rows.least, Math.floor(this.#limit / 2));
    else if (tookMs < pieceMs / 2) this.#limit = Math.min(rows.most, this.#limit * 2);
  }
}

function rest(ms: number): Promise<void> {
  const { least, most } = restBetweenMs;
  return new Promise((resolve) => void setTimeout(resolve, Math.min(most, Math.max(least, ms))));
}
