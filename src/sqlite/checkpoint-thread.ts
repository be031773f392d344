import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { type Progress, passiveCheckpoint } from './checkpointer.ts';

/** The thread of a `Checkpointer`: at each message it moves the log into the database, and answers how far it came. */

const { path, restPages } = workerData as { path: string; restPages: number };
const passesAtMost = 4;

const connection = new DatabaseSync(path, { timeout: 0 });
connection.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024;');

parentPort!.on('message', () => {
  try {
    parentPort!.postMessage(move());
  } catch {
    // Whatever it was (a full disk, say), the log keeps everything, and the next attempt copies it again.
    parentPort!.postMessage(undefined);
  }
});

/** Again and again, because the log grows meanwhile; each pass has less to do. */
function move(): Progress {
  let progress = passiveCheckpoint(connection);
  for (let pass = 1; pass < passesAtMost && progress.log - progress.checkpointed > restPages; pass++) {
    progress = passiveCheckpoint(connection);
  }
  return progress;
}
