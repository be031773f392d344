import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

/** Pages in the log, and how many of them are in the database. */
export interface Progress {
  readonly log: number;
  readonly checkpointed: number;
}

export function passiveCheckpoint(connection: DatabaseSync): Progress {
  return connection.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as unknown as Progress;
}

/**
 * Moves the log (WAL) into the database while the owner of the connection goes on writing. A thread of its own with a
 * connection of its own copies and syncs nearly all; then the owner's thread copies the few pages that came meanwhile, so
 * that nothing is left and the next write begins the log from its start: without that it would grow for as long as
 * there is load.
 *
 * The thread begins when the log first has `pages` pages; it never keeps the process alive. Where it can't be had, or fails, the
 * owner's thread does all. A checkpoint that fails is tried again when the log has grown by as much once more; meanwhile
 * the log keeps everything.
 */
export class Checkpointer {
  readonly #path: string;
  readonly #connection: DatabaseSync;
  readonly #state: StatementSync;
  readonly #pages: number;
  #thread: Worker | undefined;
  #canHaveThread = true;
  #underWay = false;
  #nextAt: number;
  #closed = false;

  constructor(path: string, connection: DatabaseSync, pages: number) {
    this.#path = path;
    this.#connection = connection;
    this.#pages = pages;
    this.#nextAt = pages;
    connection.exec('PRAGMA wal_autocheckpoint = 0');
    this.#state = connection.prepare('PRAGMA wal_checkpoint(NOOP)');
  }

  /** To be called after each commit. */
  committed(): void {
    if (this.#underWay) return;
    const { log, checkpointed } = this.#state.get() as unknown as Progress;
    const waiting = log - checkpointed;
    if (waiting < this.#nextAt) return;
    this.#nextAt = waiting + this.#pages;
    const thread = this.#threadOrNone();
    if (thread === undefined) {
      this.#finish();
      return;
    }
    this.#underWay = true;
    thread.postMessage('checkpoint');
  }

  /** Begins no more. A checkpoint under way in the thread comes to its end, or to that of the process. */
  close(): void {
    this.#closed = true;
    this.#thread?.terminate();
  }

  #threadOrNone(): Worker | undefined {
    if (this.#thread !== undefined || !this.#canHaveThread) return this.#thread;
    const workerData = { path: this.#path, restPages: this.#pages / 20 };
    // It parses a file and holds a few objects; without limits V8 would reserve as much as for a server.
    const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 };
    const thread = new Worker(new URL('checkpoint-thread.ts', import.meta.url), {
      workerData,
      resourceLimits,
    });
    thread.on('message', () => this.#threadDone());
    thread.on('error', () => this.#threadGone());
    thread.unref();
    this.#thread = thread;
    return thread;
  }

  #threadDone(): void {
    this.#underWay = false;
    this.#finish();
  }

  #threadGone(): void {
    this.#canHaveThread = false;
    this.#thread = undefined;
    this.#threadDone();
  }

  #finish(): void {
    if (this.#closed) return;
    try {
      const { log, checkpointed } = passiveCheckpoint(this.#connection);
      if (log === checkpointed) this.#nextAt = this.#pages;
    } catch {
      // As in the thread: the log keeps everything.
    }
  }
}

/** Whether this SQLite can tell the size of its log without a checkpoint (3.51). */
export function canWatchLog(): boolean {
  const [major = 0, minor = 0] = (process.versions.sqlite ?? '').split('.').map(Number);
  return major > 3 || (major === 3 && minor >= 51);
}
