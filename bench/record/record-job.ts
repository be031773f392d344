import { statSync } from 'node:fs';
import { join } from 'node:path';
import { LiveRecord } from '../../src/record/live.ts';
import { projectionNames } from '../../src/record/projections.ts';
import { Database } from '../../src/sqlite/database.ts';
import { followPiece } from '../../src/store/sqlite/projections/following.ts';
import { createSqliteStore } from '../../src/store/sqlite/store.ts';
import { serveJobs } from '../process/job.ts';
import { Lives } from './fill.ts';

export interface RecordJob {
  readonly folder: string;
  readonly count: number;
}

/** What a record of so many conversations takes. */
export interface Filled {
  readonly fillSeconds: number;
  /** Of the log and the conversations, and of search and statistics. */
  readonly recordBytes: number;
  readonly projectionBytes: number;
  /** To follow all of it without rest, and the longest piece of that. */
  readonly followSeconds: number;
  readonly longestPieceMs: number;
  readonly rebuildConversationsSeconds: number;
}

serveJobs<RecordJob, Filled>(async ({ folder, count }) => {
  const path = join(folder, 'signalbox.sqlite');
  const database = new Database(path);
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
  const fillSeconds = await seconds(async () => {
    const lives = new Lives(count);
    // One that was cut off goes on.
    const present = database.get<{ n: number }>('SELECT count(*) AS n FROM conversations')!.n;
    for (let n = present; n < count; n += 500) {
      const facts = Array.from({ length: Math.min(500, count - n) }, (_, at) => lives.facts(n + at));
      await store.append(facts.flat());
    }
  });
  const recordBytes = sizeOf(database, path);
  let longestPieceMs = 0;
  const follow = async () => {
    for (let isThrough = false; !isThrough; ) {
      const piece = await followPiece(database, 400);
      longestPieceMs = Math.max(longestPieceMs, piece.tookMs);
      isThrough = piece.isThrough;
    }
  };
  const followSeconds = await seconds(follow);
  const projectionBytes = sizeOf(database, path) - recordBytes;
  await store.rebuild([projectionNames[0]]);
  const rebuildConversationsSeconds = await seconds(follow);
  database.close();
  return {
    fillSeconds,
    recordBytes,
    projectionBytes,
    followSeconds,
    longestPieceMs,
    rebuildConversationsSeconds,
  };
});

function sizeOf(database: Database, path: string): number {
  database.all('PRAGMA wal_checkpoint(TRUNCATE)');
  return statSync(path).size;
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}
