import { close, closeSync, fdatasyncSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { adaptiveSync } from './adaptive-sync.ts';

/** Makes what was written to an open file durable, and says so, at once or later. */
export type SyncFile = (fd: number, done: (error: Error | null) => void) => void;

/**
 * The write-ahead log of an SQLite file, opened a second time to sync it from a thread of libuv's pool. SQLite keeps one log
 * file for as long as a connection is open (it overwrites and truncates it, and never replaces it), and takes no lock on it, so
 * that a second descriptor of it may be opened and closed. (One of the database itself may not: closing it would let go of
 * the locks of the process, https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_.)
 */
export class WalFile {
  readonly #fd: number;
  readonly #sync: SyncFile;
  #syncing = false;
  #closed = false;

  /** Opens the log of the database at `path`, and syncs the folder, so that the names of both are on disk. */
  constructor(path: string, sync: SyncFile = adaptiveSync()) {
    this.#sync = sync;
    syncFolder(dirname(path));
    this.#fd = openSync(`${path}-wal`, 'r+');
  }

  /** Calls `done` once all that was written before this call is on disk. One at a time. */
  sync(done: (error: Error | null) => void): void {
    this.#syncing = true;
    this.#sync(this.#fd, (error) => {
      this.#syncing = false;
      if (this.#closed) this.#release();
      done(error);
    });
  }

  /** Waits until all that was written is on disk. Throws what the system says. */
  syncNow(): void {
    fdatasyncSync(this.#fd);
  }

  /** Lets go of the file; when it is being synced, after that. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#syncing) this.#release();
  }

  #release(): void {
    close(this.#fd, () => {});
  }
}

function syncFolder(folder: string): void {
  let fd: number | undefined;
  try {
    fd = openSync(folder, 'r');
    fsyncSync(fd);
  } catch (error) {
    // Windows can't open a folder, and keeps its names itself.
    if (process.platform !== 'win32') throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
