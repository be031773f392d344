import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { migrate } from './migrate.ts';

export type SqlRow = Record<string, SQLOutputValue>;

/** What a statement did; `lastInsertRowid` means something after an insert that changed a row. */
export interface Written {
  readonly changes: number;
  readonly lastInsertRowid: number;
}

/** What a write may do: run prepared statements inside the group's transaction. */
export interface Sql {
  run(sql: string, ...values: SQLInputValue[]): Written;
  get<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T | undefined;
  all<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T[];
  /** Calls `listener` once the write that asks for it is on disk, before its promise resolves; never if it is taken back. */
  afterCommit(listener: () => void): void;
}

interface QueuedWrite {
  readonly work: (sql: Sql) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * One SQLite file with group commit: all writes that are queued during one turn of the event loop run, in order, in one
 * transaction that is synced to disk once; each promise resolves after that. A write that throws takes back only what it
 * did itself. Reads outside a write see what is committed.
 *
 * A write may be run twice (when another one of its group throws), so it changes nothing but the database.
 *
 * When the disk refuses (full, I/O error) every write of the group is rejected with `storage_failed`, and later groups
 * try again: the file is as it was after the last good commit.
 */
export class Database implements Sql {
  readonly path: string;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #queue: QueuedWrite[] = [];
  #afterCommit: (() => void)[] = [];
  #failure: SignalboxError | undefined;
  #closed = false;

  /** Opens or creates the file and brings its schema up to date. Throws `schema_too_new`, `storage_failed`. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#connection = new DatabaseSync(path, { timeout: 5_000 });
      this.#connection.exec(
        'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; ' +
          'PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;',
      );
      migrate(this.#connection);
    } catch (error) {
      if (error instanceof SignalboxError) throw error;
      throw storageFailed(`The database ${path} could not be opened`, error);
    }
  }

  /** Why the last group could not be written; undefined once one could again. */
  get failure(): SignalboxError | undefined {
    return this.#failure;
  }

  /** Queues a write; resolves with what `work` returned once it is on disk. */
  write<T>(work: (sql: Sql) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) {
        reject(new SignalboxError('shutting_down', `The database ${this.path} is closed.`));
        return;
      }
      if (this.#queue.length === 0) setImmediate(() => this.flush());
      this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  run(sql: string, ...values: SQLInputValue[]): Written {
    return this.#statement(sql).run(...values) as Written;
  }

  get<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#statement(sql).get(...values) as T | undefined;
  }

  all<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#statement(sql).all(...values) as T[];
  }

  afterCommit(listener: () => void): void {
    this.#afterCommit.push(listener);
  }

  /** Commits what is queued now instead of at the end of this turn. */
  flush(): void {
    const group = this.#queue;
    if (group.length === 0) return;
    this.#queue = [];
    let outcomes: Outcome[];
    try {
      outcomes = this.#commit(group, false) ?? this.#commit(group, true) ?? [];
      this.#failure = undefined;
    } catch (error) {
      this.#failure = storageFailed(`Writing to ${this.path} failed`, error);
      for (const write of group) write.reject(this.#failure);
      return;
    }
    const listeners = this.#afterCommit;
    this.#afterCommit = [];
    for (const listener of listeners) queueMicrotask(listener);
    settle(group, outcomes);
  }

  /** Writes what is queued and closes the file. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#statements.clear();
    this.#connection.close();
  }

  /**
   * Runs the group in one transaction. Without savepoints (the fast way) a write that throws makes it return undefined
   * with nothing done; with them only that write is undone.
   */
  #commit(group: readonly QueuedWrite[], savepoints: boolean): Outcome[] | undefined {
    this.#afterCommit = [];
    this.run('BEGIN IMMEDIATE');
    try {
      const outcomes: Outcome[] = [];
      for (const write of group) {
        const outcome = savepoints ? this.#inSavepoint(write) : this.#attempt(write);
        if ('error' in outcome && !savepoints) {
          this.run('ROLLBACK');
          return undefined;
        }
        outcomes.push(outcome);
      }
      this.run('COMMIT');
      return outcomes;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  #attempt(write: QueuedWrite): Outcome {
    const listeners = this.#afterCommit.length;
    try {
      return { value: write.work(this) };
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      this.#afterCommit.length = listeners;
      return { error };
    }
  }

  #inSavepoint(write: QueuedWrite): Outcome {
    this.run('SAVEPOINT one_write');
    const outcome = this.#attempt(write);
    if ('error' in outcome) this.run('ROLLBACK TO one_write');
    this.run('RELEASE one_write');
    return outcome;
  }

  #rollBack(): void {
    if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function settle(group: readonly QueuedWrite[], outcomes: readonly Outcome[]): void {
  for (const [index, write] of group.entries()) {
    const outcome = outcomes[index]!;
    if ('error' in outcome) write.reject(outcome.error);
    else write.resolve(outcome.value);
  }
}

// The primary result codes of https://www.sqlite.org/rescode.html that speak of the disk and not of the statement.
const storageCodes = new Set([
  5 /* BUSY */, 7 /* NOMEM */, 8 /* READONLY */, 10 /* IOERR */, 11 /* CORRUPT */, 13 /* FULL */,
  14 /* CANTOPEN */, 26 /* NOTADB */,
]);

function isStorageFailure(error: unknown): boolean {
  return storageCodes.has(resultCode(error) ?? -1);
}

function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

const damaged =
  'The file is damaged: stop every Signalbox on this folder, keep a copy of it, and put back a backup of the whole folder.';
const advices: Readonly<Record<number, string>> = {
  5: 'Another program holds the file; stop that one. Nothing that was accepted is lost.',
  11: damaged,
  26: damaged,
};
const usualAdvice =
  'Check the free space and the permissions of the data folder; nothing that was accepted is lost.';

/** An error of SQLite that speaks of the disk as what to tell; any other as it is. */
export function asStorageFailure(error: unknown): unknown {
  return isStorageFailure(error) ? storageFailed('The database could not be read', error) : error;
}

function storageFailed(what: string, cause: unknown): SignalboxError {
  const advice = advices[resultCode(cause) ?? -1] ?? usualAdvice;
  return new SignalboxError('storage_failed', `${what}: ${messageOf(cause)}. ${advice}`, { cause });
}
