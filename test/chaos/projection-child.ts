// The process that the test of projections kills: it makes all of them anew, or goes on with that, in small pieces, and ends when they are
// up to date. With THREAD it is done in a thread, as in the product. With SABOTAGE a piece is not one transaction, and it dies between the two, the time
// that SABOTAGE says.
import { LiveRecord } from '../../src/record/live.ts';
import { projectionNames } from '../../src/record/projections.ts';
import { Database } from '../../src/sqlite/database.ts';
import { followPiece } from '../../src/store/sqlite/projections/following.ts';
import { createSqliteStore } from '../../src/store/sqlite/store.ts';
import { storeThreads } from '../../src/store/sqlite/threads.ts';

let left = Number(process.env.SABOTAGE ?? 0);

class Saboteur extends Database {
  override run(sql: string, ...values: Parameters<Database['run']> extends [string, ...infer V] ? V : never) {
    if (sql.startsWith('UPDATE projections SET position') && --left === 0) {
      super.run('COMMIT');
      process.kill(process.pid, 'SIGKILL');
    }
    return super.run(sql, ...values);
  }
}

const database = new Saboteur(process.argv[2]!);
const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
const states = await store.projections();
if (states.every(({ behind, rebuilding }) => behind === 0 && rebuilding === null)) {
  await store.rebuild(projectionNames);
}
const threads = process.env.THREAD ? storeThreads(database.path) : undefined;
while (!(await followPiece(database, 15, { thread: threads?.following })).isThrough);
await threads?.close();
database.close();
