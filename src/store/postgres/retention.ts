import { setTimeout as pause } from 'node:timers/promises';
import type { PostgresDatabase, Transaction } from './database.ts';
import type { PostgresLease, PostgresLeases } from './leases.ts';

/** What is past its time, in the order of a table. */
export interface RetentionTask {
  readonly name: string;
  /** Looks at no more than `limit` rows after a place, and says where the next piece begins; no `next` when it is through. */
  piece(
    sql: Transaction,
    of: { readonly now: number; readonly after: Place | undefined; readonly limit: number },
  ): Promise<{ readonly removed: number; readonly next?: Place }>;
}

type Place = number | string;

export interface PostgresRetentionOptions {
  readonly database: PostgresDatabase;
  readonly leases: PostgresLeases;
  readonly tasks: readonly RetentionTask[];
  /** The lease under which it is done. Default: `retention`. */
  readonly lease?: string;
  /** Of all processes together, from the end of one sweep to the next. Default: an hour. */
  readonly everyMs?: number;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
  /** Rows looked at in one transaction; default 500. */
  readonly pieceSize?: number;
  readonly onSwept?: (removed: Removed) => void;
  readonly onError?: (error: unknown) => void;
}

/** How many, by task. */
export type Removed = Readonly<Record<string, number>>;

const leaseMs = 60_000;
const askEveryMs = 300_000;
const restFactor = 9;

/**
 * Removes what is past its time: one process of all, in small transactions, each of which is done under the lease or not at all.
 */
export class PostgresRetention {
  readonly #options: PostgresRetentionOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PostgresRetentionOptions) {
    this.#options = options;
  }

  begin(afterMs = 60_000): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.sweep()
        .then(
          (removed) => removed && hasAny(removed) && this.#options.onSwept?.(removed),
          (error) => !this.#stopping.signal.aborted && this.#options.onError?.(error),
        )
        .finally(() => this.begin(askEveryMs));
    }, afterMs).unref();
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }

  /** Goes through all once, unless another process does or has just done it (undefined); resolves with how many were removed. */
  async sweep(): Promise<Removed | undefined> {
    const { leases, tasks, everyMs = 3_600_000 } = this.#options;
    const lease = await leases.take(this.#options.lease ?? 'retention', leaseMs);
    if (lease === undefined) return undefined;
    const removed: Record<string, number> = {};
    for (const task of tasks) {
      const isOurs = await this.#through(lease, task, (count) => {
        removed[task.name] = (removed[task.name] ?? 0) + count;
      });
      if (!isOurs) return removed;
    }
    await lease.release(this.#stopping.signal.aborted ? 0 : everyMs);
    return removed;
  }

  /** False when the lease is somebody else's by now. */
  async #through(lease: PostgresLease, task: RetentionTask, count: (removed: number) => void) {
    let after: Place | undefined;
    while (!this.#stopping.signal.aborted) {
      const begun = performance.now();
      const piece = await this.#piece(lease, task, after);
      if (piece === undefined) return false;
      count(piece.removed);
      if (piece.next === undefined) return true;
      after = piece.next;
      await this.#rest((performance.now() - begun) * restFactor);
    }
    return true;
  }

  #piece(lease: PostgresLease, task: RetentionTask, after: Place | undefined) {
    const { database, clock = Date.now, pieceSize = 500 } = this.#options;
    return database.write(async (sql) =>
      (await lease.renewIn(sql, leaseMs))
        ? task.piece(sql, { now: clock(), after, limit: pieceSize })
        : undefined,
    );
  }

  async #rest(ms: number): Promise<void> {
    const rest = Math.min(leaseMs / 4, ms);
    await pause(rest, undefined, { ref: false, signal: this.#stopping.signal }).catch(() => {});
  }
}

const hasAny = (removed: Removed): boolean => Object.values(removed).some((count) => count > 0);
