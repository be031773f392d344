import { setTimeout as pause } from 'node:timers/promises';
import type { WebhookType } from '../../record/events.ts';
import { isPast, type RecordRetention, shortestOf } from '../../record/retention.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import type { PostgresLease, PostgresLeases } from './leases.ts';

export interface PostgresRetentionOptions {
  readonly database: PostgresDatabase;
  readonly leases: PostgresLeases;
  /** How long complete conversations are kept. */
  readonly keep: RecordRetention;
  /** Of all processes together, from the end of one sweep to the next. Default: an hour. */
  readonly everyMs?: number;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
  /** Conversations looked at in one transaction; default 500. */
  readonly pieceSize?: number;
  readonly onSwept?: (removed: Readonly<Record<string, number>>) => void;
  readonly onError?: (error: unknown) => void;
}

interface Candidate {
  readonly id: number;
  readonly tracking_id: string;
  readonly received_at: number;
  readonly completed_at: number | null;
  readonly webhook_type: WebhookType;
  readonly expired: boolean;
}

const leaseMs = 60_000;
const askEveryMs = 300_000;
const restFactor = 9;

/** Conversations that failed or were not delivered stay: their dead letter may still be started anew, and needs them. */
const candidatesText = `
  SELECT id, tracking_id, received_at, completed_at, webhook_type,
    complete AND completed_at <= $1 AND status NOT IN ('failed', 'delivery_failed') AS expired
  FROM conversations WHERE id > $2 ORDER BY id LIMIT $3`;

/**
 * Removes conversations that were complete long ago, with their events: one process of all, in small transactions, each of which is
 * done under the lease or not at all.
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
          (removed) => removed && this.#options.onSwept?.({ conversations: removed }),
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
  async sweep(): Promise<number | undefined> {
    const { leases, everyMs = 3_600_000 } = this.#options;
    const lease = await leases.take('retention', leaseMs);
    if (lease === undefined) return undefined;
    let removed = 0;
    for (let after: number | undefined = 0; after !== undefined && !this.#stopping.signal.aborted; ) {
      const begun = performance.now();
      const piece = await this.#piece(lease, after);
      if (piece === undefined) return removed;
      removed += piece.removed;
      after = piece.next;
      if (after !== undefined) await this.#rest((performance.now() - begun) * restFactor);
    }
    await lease.release(this.#stopping.signal.aborted ? 0 : everyMs);
    return removed;
  }

  /** Undefined when the lease is somebody else's by now. */
  #piece(lease: PostgresLease, after: number) {
    const { database, keep, clock = Date.now, pieceSize = 500 } = this.#options;
    return database.write(async (sql) => {
      if (!(await lease.renewIn(sql, leaseMs))) return undefined;
      const now = clock();
      const before = now - (shortestOf(keep) ?? now);
      const candidates = await sql.all<Candidate>(candidatesText, [before, after, pieceSize]);
      const past = candidates.filter(
        (one) => one.expired && isPast(keep, one.webhook_type, one.completed_at!, now),
      );
      const removed = await remove(sql, past);
      const isThrough =
        candidates.length < pieceSize || candidates.every((each) => each.received_at > before);
      return { removed, next: isThrough ? undefined : candidates.at(-1)!.id };
    });
  }

  async #rest(ms: number): Promise<void> {
    const rest = Math.min(leaseMs / 4, ms);
    await pause(rest, undefined, { ref: false, signal: this.#stopping.signal }).catch(() => {});
  }
}

async function remove(sql: Transaction, candidates: readonly Candidate[]): Promise<number> {
  const ids = candidates.map((each) => each.tracking_id);
  if (ids.length === 0) return 0;
  await sql.run('DELETE FROM events WHERE tracking_id = ANY ($1)', [ids]);
  return sql.run('DELETE FROM conversations WHERE tracking_id = ANY ($1)', [ids]);
}
