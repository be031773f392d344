import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import { SignalboxError } from '../core/errors.ts';
import { type Content, plainContent } from '../encryption/content.ts';
import { Checkpointer, canWatchLog } from './checkpointer.ts';
import { openConnection } from './connection.ts';
import { useKeys } from './encryption-keys.ts';
import { type Group, GroupCommit, type QueuedWrite, settleGroup } from './group-commit.ts';
import { refuseDamagedLog } from './log-damage.ts';
import { migrate } from './migrate.ts';
import { Statements } from './statements.ts';
import { lostToThisProcess, storageFailed } from './storage-failure.ts';
import { type SyncFile, WalFile } from './wal-file.ts';

export type SqlRow = Record<string, SQLOutputValue>;

/** What a statement did; `lastInsertRowid` means something after an insert that changed a row. */
export interface Written {
  readonly changes: number;
  readonly lastInsertRowid: number;
}

/** What a read may do. */
export interface ReadSql {
  /** What values of content pass through, to the disk and back. */
  readonly content: Content;
  get<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T | undefined;
  all<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T[];
}

/** Where reads can be done: in the database itself, or on a connection beside it. */
export interface ReadSource {
  read<T>(work: (sql: ReadSql) => T | Promise<T>): Promise<T>;
}

/** What may be done in a transaction. */
export interface WriteSql extends ReadSql {
  run(sql: string, ...values: SQLInputValue[]): Written;
}

/** What a write may do: run prepared statements inside the group's transaction. */
export interface Sql extends WriteSql {
  /** Calls `listener` once the write that asks for it is on disk, before its promise resolves; never if it is taken back. */
  afterCommit(listener: () => void): void;
}

export interface DatabaseOptions {
  /** How a file is synced. Default: as `adaptive-sync.ts` has it. */
  readonly sync?: SyncFile;
  /** The log is moved into the database when it has that many pages of 4 KiB. Default 8,000. */
  readonly logPages?: number;
  /** Default: without a key. */
  readonly content?: Content;
}

const logPages = 8_000;

/**
 * One SQLite file with group commit. Writes that are queued are run, in order, in one transaction; each promise resolves once
 * that is on disk. A write that throws takes back only what it did itself.
 *
 * A write may be run twice (when another one of its group throws), so it changes nothing but the database.
 *
 * The thread does not wait for a slow disk: COMMIT writes the log (`synchronous = NORMAL`), it is synced, by a thread of the
 * pool unless the disk is fast, and then the group is settled. Meanwhile further writes queue; they are the next group, which begins only when the one before
 * is settled. So there are two states: all that is committed is on disk, or one group is not yet. In the second one `get` and
 * `all` outside a write see what a power failure may still take back; what is told to anybody, or acted on, is read with
 * `read`. Inside a write they may be trusted: a group is on disk only with all before it.
 *
 * When a group can't be committed (disk full, I/O error) every write of it is rejected with `storage_failed`, and later
 * groups try again: the file is as it was after the last good commit. When it was committed and **can't be synced**, nobody
 * knows what of it is on disk, and a second sync that succeeds would prove nothing (https://wiki.postgresql.org/wiki/Fsync_Errors). Then the
 * database is lost for this process: `lost` resolves, and everything is refused until the file is opened anew.
 * docs/decisions/durability.md has the reasoning.
 */
export class Database implements Sql {
  readonly path: string;
  readonly content: Content;
  /** Resolves when a sync has failed, with the reason; only a new start can go on from what is on disk. */
  readonly lost: Promise<SignalboxError>;
  /** Where the database was copied before a migration took something away, if one did. */
  readonly copyBeforeMigration: string | undefined;
  readonly #connection: DatabaseSync;
  /** Undefined for a database in memory, which has nothing to sync. */
  readonly #wal: WalFile | undefined;
  readonly #checkpointer: Checkpointer | undefined;
  readonly #groupCommit: GroupCommit;
  readonly #statements: Statements;
  readonly #commitTurn = () => this.#endTurn();
  readonly #tellLost: (reason: SignalboxError) => void;
  #queue: QueuedWrite[] = [];
  /** The group that is committed and not yet on disk. */
  #syncing: Group | undefined;
  /** Whether another connection has its turn to write (`lend`). */
  #hasGuest = false;
  #settled: PromiseWithResolvers<void> | undefined;
  #turnIsSet = false;
  #failure: SignalboxError | undefined;
  #isLost = false;
  #closed = false;

  /**
   * Opens or creates the file and brings its schema up to date. What an earlier process left in the log is moved into the
   * file and synced first, whether or not that process could, unless it is damaged. Throws `schema_too_new`, `encryption_key_missing`, `storage_failed`.
   */
  constructor(path: string, options: DatabaseOptions = {}) {
    this.path = path;
    this.content = options.content ?? plainContent;
    const { promise, resolve } = Promise.withResolvers<SignalboxError>();
    this.lost = promise;
    this.#tellLost = resolve;
    try {
      refuseDamagedLog(path);
      this.#connection = openConnection(path);
      this.#statements = new Statements(this.#connection, this.content);
      this.#groupCommit = new GroupCommit(this, this.#connection);
      this.#connection.exec(
        'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; ' +
          `PRAGMA wal_autocheckpoint = ${logPages};`,
      );
      this.copyBeforeMigration = migrate(this.#connection);
      useKeys(this.#connection, path, this.content);
      this.#connection.exec('PRAGMA synchronous = NORMAL');
      this.#connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      if (this.#connection.location() === null) return;
      this.#wal = new WalFile(path, options.sync);
      if (!canWatchLog()) return;
      this.#checkpointer = new Checkpointer(path, this.#connection, options.logPages ?? logPages);
    } catch (error) {
      if (error instanceof SignalboxError) throw error;
      throw storageFailed(`The database ${path} could not be opened`, error);
    }
  }

  /** Why the last group could not be written; undefined once one could again. */
  get failure(): SignalboxError | undefined {
    return this.#failure;
  }

  /** Whether there is something committed that is not on disk yet. */
  get isSyncing(): boolean {
    return this.#syncing !== undefined;
  }

  /** Queues a write; resolves with what `work` returned once it is on disk. */
  write<T>(work: (sql: Sql) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const refusal = this.#refusal();
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
      this.#setTurn();
    });
  }

  /** Reads what is on disk: `work` runs at a moment when nothing is committed that is not. */
  async read<T>(work: (sql: Sql) => T | Promise<T>): Promise<T> {
    while (this.#syncing !== undefined) await this.#settledPromise();
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    return work(this);
  }

  /**
   * Gives another connection of this process its turn to write: `work` begins when nothing is committed that is not on disk, and what is queued here waits
   * until it ends, without holding up the thread. What is written so is on disk with the next group; so it should be what can be made again from the rest.
   */
  async lend<T>(work: () => Promise<T>): Promise<T> {
    do await this.flush();
    while (this.#isBusy);
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    this.#hasGuest = true;
    try {
      return await work();
    } finally {
      this.#hasGuest = false;
      if (!this.#closed) this.#checkpointer?.committed();
      this.#settledNow();
      if (this.#queue.length > 0) this.#setTurn();
    }
  }

  run(sql: string, ...values: SQLInputValue[]): Written {
    return this.#statements.run(sql, ...values);
  }

  get<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#statements.get(sql, ...values);
  }

  all<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#statements.all(sql, ...values);
  }

  afterCommit(listener: () => void): void {
    this.#groupCommit.afterCommit(listener);
  }

  /** Commits what is queued now; resolves once that is on disk, or refused. */
  async flush(): Promise<void> {
    while (this.#isBusy) await this.#settledPromise();
    this.#commitQueue();
    while (this.#isBusy) await this.#settledPromise();
  }

  get #isBusy(): boolean {
    return this.#syncing !== undefined || this.#hasGuest;
  }

  /**
   * Moves the log into the file and empties it, so that no earlier version of a page is left in it; whether that could be done now:
   * while somebody reads, such as a backup, it is left for the next time.
   */
  async truncateLog(): Promise<boolean> {
    do await this.flush();
    while (this.#isBusy);
    if (this.#closed || this.#isLost) return false;
    this.#connection.exec('PRAGMA busy_timeout = 0');
    try {
      const { busy } = this.#connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
      return busy === 0;
    } finally {
      this.#connection.exec('PRAGMA busy_timeout = 5000');
    }
  }

  /** Writes what is queued, moves the log into the file and closes it; all of it is on disk then, or refused. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#checkpointer?.close();
    // Closing would move the log into the file, and of a lost one nobody knows what it holds.
    if (!this.#isLost) this.#finish();
    this.#wal?.close();
    this.#statements.clear();
    if (!this.#isLost) this.#connection.close();
  }

  #finish(): void {
    const groups = [this.#syncing, this.#runGroup()].filter((group) => group !== undefined);
    try {
      const { busy } = this.#connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
      if (busy !== 0) this.#wal?.syncNow(); // Another program reads the file; then the log stays.
    } catch (error) {
      for (const group of groups) this.#lose(group, error);
      return;
    }
    for (const group of groups) this.#settle(group);
  }

  #setTurn(): void {
    if (this.#turnIsSet || this.#isBusy) return;
    this.#turnIsSet = true;
    setImmediate(this.#commitTurn);
  }

  #endTurn(): void {
    this.#turnIsSet = false;
    if (!this.#isBusy) this.#commitQueue();
  }

  /** Commits what is queued and has it synced. */
  #commitQueue(): void {
    const group = this.#runGroup();
    if (group === undefined) return;
    this.#syncing = group;
    if (this.#wal === undefined) this.#settle(group);
    else this.#wal.sync((error) => this.#synced(group, error));
    this.#checkpointer?.committed();
  }

  /** Runs and commits what is queued. Undefined when that is nothing, or could not be written. */
  #runGroup(): Group | undefined {
    const writes = this.#queue;
    if (writes.length === 0) return undefined;
    this.#queue = [];
    try {
      const group = this.#groupCommit.commit(writes);
      this.#failure = undefined;
      return group;
    } catch (error) {
      this.#failure = storageFailed(`Writing to ${this.path} failed`, error);
      for (const write of writes) write.reject(this.#failure);
      return undefined;
    }
  }

  #synced(group: Group, error: Error | null): void {
    if (this.#syncing !== group) return; // Settled by `close`.
    if (error === null) this.#settle(group);
    else this.#lose(group, error);
    if (this.#queue.length > 0) this.#setTurn();
  }

  #settle(group: Group): void {
    settleGroup(group);
    this.#endSync();
  }

  #lose({ writes }: Group, error: unknown): void {
    this.#isLost = true;
    this.#checkpointer?.close();
    this.#failure = lostToThisProcess(this.path, error);
    for (const write of [...writes, ...this.#queue.splice(0)]) write.reject(this.#failure);
    this.#endSync();
    this.#tellLost(this.#failure);
  }

  #endSync(): void {
    this.#syncing = undefined;
    this.#settledNow();
  }

  #settledNow(): void {
    this.#settled?.resolve();
    this.#settled = undefined;
  }

  #settledPromise(): Promise<void> {
    this.#settled ??= Promise.withResolvers<void>();
    return this.#settled.promise;
  }

  #refusal(): SignalboxError | undefined {
    if (this.#isLost) return this.#failure;
    if (!this.#closed) return undefined;
    return new SignalboxError('shutting_down', `The database ${this.path} is closed.`);
  }
}
