import type { Task } from './sweeper.ts';

/**
 * Gives pages that hold nothing any more back to the file system, from the end of the file. A quarter of the file (at least
 * 16 MiB) is left free for what comes next, so that a file that empties and fills every day does not shrink and grow each time.
 *
 * It does nothing to a file that was made before Signalbox made files that can shrink; `signalbox compact` makes it one.
 */
export function compaction(leastFreePages = 4_096): Task {
  return {
    name: 'pages',
    piece(sql, _, limit) {
      const free = sql.get<{ freelist_count: number }>('PRAGMA freelist_count')!.freelist_count;
      const pages = sql.get<{ page_count: number }>('PRAGMA page_count')!.page_count;
      const mode = sql.get<{ auto_vacuum: number }>('PRAGMA auto_vacuum')!.auto_vacuum;
      const excess = free - Math.max(leastFreePages, Math.floor(pages / 4));
      if (mode !== incremental || excess <= 0) return { removed: 0 };
      const removed = Math.min(excess, limit);
      // It moves one page for each row that is read from it.
      sql.all(`PRAGMA incremental_vacuum(${removed})`);
      return { removed, ...(excess > removed && { next: 1 }) };
    },
  };
}

/** What `PRAGMA auto_vacuum` says of a file that can be made smaller page by page. */
const incremental = 2;
