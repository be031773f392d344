import { fdatasync, fdatasyncSync } from 'node:fs';
import type { SyncFile } from './wal-file.ts';

/** A sync that takes longer than this is worth a thread of its own. */
const slowMs = 1;
/** So many slow syncs in a row, and the disk counts as slow. */
const patience = 3;
/** After so many syncs on the pool the disk is tried again. */
const syncsUntilTrial = 500;

export interface SyncWays {
  readonly waiting: (fd: number) => void;
  readonly onPool: SyncFile;
  /** Milliseconds. */
  readonly now: () => number;
}

const systemWays: SyncWays = { waiting: fdatasyncSync, onPool: fdatasync, now: () => performance.now() };

/**
 * Syncs on the calling thread while the disk is fast, and on a thread of libuv's pool while it is slow: to hand a sync over and be
 * told of its end takes longer than a fast disk needs for it, and a slow one would hold up everything else.
 */
export function adaptiveSync(ways: SyncWays = systemWays): SyncFile {
  let slowInARow = 0;
  let untilTrial = 0;
  return (fd, done) => {
    if (untilTrial > 0) {
      untilTrial -= 1;
      ways.onPool(fd, done);
      return;
    }
    const startedAt = ways.now();
    const failure = failureOf(() => ways.waiting(fd));
    slowInARow = ways.now() - startedAt > slowMs ? slowInARow + 1 : 0;
    if (slowInARow >= patience) untilTrial = syncsUntilTrial;
    done(failure);
  };
}

function failureOf(work: () => void): Error | null {
  try {
    work();
    return null;
  } catch (error) {
    return error as Error;
  }
}
