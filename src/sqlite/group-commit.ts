import type { DatabaseSync } from 'node:sqlite';
import type { Sql } from './database.ts';
import { isStorageFailure } from './storage-failure.ts';

export interface QueuedWrite {
  readonly work: (sql: Sql) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Writes that were committed together, and who is told once they are on disk. */
export interface Group {
  readonly writes: readonly QueuedWrite[];
  readonly outcomes: readonly Outcome[];
  readonly listeners: readonly (() => void)[];
}

/** Runs writes, in order, in one transaction. One that throws takes back only what it did itself. */
export class GroupCommit {
  readonly #sql: Sql;
  readonly #connection: DatabaseSync;
  #listeners: (() => void)[] = [];

  /** `sql` is what the writes are given, over the connection. */
  constructor(sql: Sql, connection: DatabaseSync) {
    this.#sql = sql;
    this.#connection = connection;
  }

  /** See `Sql.afterCommit`. */
  afterCommit(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Throws when the disk, or the file, refuses the group as a whole. */
  commit(writes: readonly QueuedWrite[]): Group {
    const outcomes = this.#commit(writes, false) ?? this.#commit(writes, true) ?? [];
    return { writes, outcomes, listeners: this.#listeners };
  }

  /**
   * Without savepoints (the fast way) a write that throws makes it return undefined with nothing done; with them only that write
   * is undone.
   */
  #commit(writes: readonly QueuedWrite[], savepoints: boolean): Outcome[] | undefined {
    this.#listeners = [];
    try {
      this.#sql.run('BEGIN IMMEDIATE');
      const outcomes: Outcome[] = [];
      for (const write of writes) {
        const outcome = savepoints ? this.#inSavepoint(write) : this.#attempt(write);
        if ('error' in outcome && !savepoints) {
          this.#sql.run('ROLLBACK');
          return undefined;
        }
        outcomes.push(outcome);
      }
      this.#sql.run('COMMIT');
      return outcomes;
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
  }

  #attempt(write: QueuedWrite): Outcome {
    const listeners = this.#listeners.length;
    try {
      return { value: write.work(this.#sql) };
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      this.#listeners.length = listeners;
      return { error };
    }
  }

  #inSavepoint(write: QueuedWrite): Outcome {
    this.#sql.run('SAVEPOINT one_write');
    const outcome = this.#attempt(write);
    if ('error' in outcome) this.#sql.run('ROLLBACK TO one_write');
    this.#sql.run('RELEASE one_write');
    return outcome;
  }
}

/** Tells everybody that a group is on disk. */
export function settleGroup({ writes, outcomes, listeners }: Group): void {
  for (const listener of listeners) queueMicrotask(listener);
  for (const [index, write] of writes.entries()) {
    const outcome = outcomes[index]!;
    if ('error' in outcome) write.reject(outcome.error);
    else write.resolve(outcome.value);
  }
}
