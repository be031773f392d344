import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';

/** Removes a database file of ours that is of no use, with what SQLite keeps beside it. */
export function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${suffix}`, { force: true });
}

/** Waits until a file, or the names in a folder, are on disk. */
export function flush(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } catch (error) {
    // Windows can't sync a folder, and keeps its names itself.
    if (process.platform !== 'win32') throw error;
  } finally {
    closeSync(fd);
  }
}
