import { join } from 'node:path';
import { Secret } from '../../src/core/secret.ts';
import { EmbeddedEngine } from '../../src/engine/embedded/engine.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { createExportFlow } from '../../src/flows/query/export.ts';
import { createFolderObjects } from '../../src/objects/folder.ts';
import { createS3Objects } from '../../src/objects/s3/s3.ts';
import { createLog } from '../../src/observe/log.ts';
import { LiveRecord } from '../../src/record/live.ts';
import { Database } from '../../src/sqlite/database.ts';
import { createSqliteStore } from '../../src/store/sqlite/store.ts';

/** An engine with the flow that exports, into a folder or the bucket of `endpoint`. */
export function openExports(folder: string, endpoint: string | undefined) {
  const database = new Database(join(folder, 'signalbox.sqlite'));
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
  const objects =
    endpoint === undefined
      ? createFolderObjects(join(folder, 'objects'))
      : createS3Objects({
          ...{ bucket: 'bucket', region: 'eu-central-1', endpoint },
          credentials: { accessKeyId: 'AKTEST', secretAccessKey: new Secret('a-secret-of-the-tests') },
        });
  const log = createLog({ level: 'silent', format: 'json', write: () => {} });
  const flow = createExportFlow({ store, objects, redact: (conversation) => conversation, log });
  const options = { database, flows: [flow], writeFacts: store.writeFacts, observer: silentObserver };
  const engine = new EmbeddedEngine(options);
  return { engine, flow, store, objects, database };
}

if (import.meta.main) {
  const [folder = '', endpoint = ''] = process.argv.slice(2);
  const { engine, flow, store } = openExports(folder, endpoint === '' ? undefined : endpoint);
  const { runs } = await engine.list({ flow: 'export' });
  engine.recover();
  if (runs.length === 0) {
    const { conversations } = await store.conversations();
    for (const { trackingId } of conversations) await engine.start(flow, { trackingId });
  }
  process.stdout.write('begun\n');
}
