import { join } from 'node:path';
import { createErasing } from '../../src/compose/erasing.ts';
import { EmbeddedEngine } from '../../src/engine/embedded/engine.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { createFolderObjects } from '../../src/objects/folder.ts';
import { LiveRecord } from '../../src/record/live.ts';
import { Database } from '../../src/sqlite/database.ts';
import { createSqliteStore } from '../../src/store/sqlite/store.ts';

/** Where the process dies: after that part of an erasure is done, and before that is noted. */
export type DiesAt = `after ${'note' | 'values' | 'runs' | 'exports' | 'record'}`;

/** An engine with the flow that erases, and dies of it at a place. */
export function openErasing(folder: string, diesAt?: DiesAt) {
  const database = new Database(join(folder, 'signalbox.sqlite'));
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
  const files = createFolderObjects(join(folder, 'objects'));
  const at =
    <A extends readonly unknown[], R>(part: string, work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const result = await work(...args);
      if (diesAt === `after ${part}`) process.kill(process.pid, 'SIGKILL');
      return result;
    };
  const { flow } = createErasing({
    store: { ...store, erase: at('record', store.erase) },
    objects: { ...files, put: at('note', files.put), delete: at('values', files.delete) },
    exports: { ...files, delete: at('exports', files.delete) },
    engine: () => ({
      get: (runId) => engine.get(runId),
      history: (runId) => engine.history(runId),
      forgetRuns: at('runs', (runIds) => engine.forgetRuns(runIds)),
    }),
  });
  const options = { database, flows: [flow], writeFacts: store.writeFacts, observer: silentObserver };
  const engine: EmbeddedEngine = new EmbeddedEngine({ ...options, objects: files });
  engine.recover();
  return { engine, flow, store, files, database };
}

if (import.meta.main) {
  const [folder = '', diesAt, trackingId = ''] = process.argv.slice(2);
  const { engine, flow } = openErasing(folder, diesAt as DiesAt);
  await engine.start(flow, { trackingIds: [trackingId], by: 'me' });
}
