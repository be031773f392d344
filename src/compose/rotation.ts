import type { Content } from '../encryption/content.ts';
import { noKey } from '../encryption/key-registry.ts';
import { type Rotating, Rotation } from '../encryption/rotation.ts';
import { journalTables } from '../engine/embedded/content.ts';
import { valuesFolder } from '../engine/values.ts';
import type { Objects } from '../objects/objects.ts';
import { resealObjects } from '../objects/sealed.ts';
import type { Log } from '../observe/log.ts';
import { forgetOtherKeys, keysInUse, resealing } from '../sqlite/resealing.ts';
import { Sweeper } from '../sqlite/sweeper.ts';
import { engineRecordTables, recordTables } from '../store/content.ts';
import type { SearchMove } from '../store/generation.ts';
import { searchUnder } from '../store/sqlite/projections/following.ts';
import type { ComposedRecord } from './record.ts';

export interface RotationParts {
  readonly content: Content;
  readonly record: ComposedRecord;
  /** Objects as they are stored, encrypted or not. */
  readonly stored: Objects;
}

/** What puts everything under the newest key. */
export async function createRotation(log: Log, parts: RotationParts): Promise<Rotation> {
  const { content, record } = parts;
  const rotating =
    record.file === undefined ? await inPostgres(parts, record.shared!) : inFile(parts, record.file);
  return new Rotation({
    ...{ content, rotating },
    onDone: (done) => log.valuesRotated({ keyId: content.keyId ?? noKey, ...done }),
    onError: (error) => log.failed('Putting values under the newest key stopped; it goes on later', error),
  });
}

function inFile({ content, record, stored }: RotationParts, file: NonNullable<ComposedRecord['file']>) {
  const { database } = file;
  const newest = content.keyId ?? noKey;
  const rotating: Rotating = {
    keysInUse: () => keysInUse(database),
    async pass(signal, tell) {
      const tasks = [...journalTables, ...recordTables].map((table) => resealing(table, tell));
      const sweeper = new Sweeper({ database, tasks });
      signal.addEventListener('abort', () => sweeper.stop(), { once: true });
      await sweeper.sweep();
      await resealObjects(stored, content, { prefix: valuesFolder, signal, tell });
      return true;
    },
    moveSearch: () => moveSearch(record, (keyId) => database.read((sql) => searchUnder(sql, keyId)), content),
    async settle() {
      await file.truncateLog();
      await forgetOtherKeys(database, newest);
    },
  };
  return rotating;
}

async function inPostgres(
  { content, record, stored }: RotationParts,
  { database, leases }: NonNullable<ComposedRecord['shared']>,
) {
  // With the driver, which is not loaded for nothing.
  const [postgres, { PostgresRetention }, following] = await Promise.all([
    import('../store/postgres/resealing.ts'),
    import('../store/postgres/retention.ts'),
    import('../store/postgres/projections/following.ts'),
  ]);
  const rotating: Rotating = {
    keysInUse: () => postgres.keysInUse(database),
    async pass(signal, tell) {
      const tasks = [...recordTables, ...engineRecordTables].map((table) => postgres.resealing(table, tell));
      const options = { database, leases, tasks, lease: 'encryption', everyMs: 0, pieceSize: 200 };
      const sweep = new PostgresRetention(options);
      signal.addEventListener('abort', () => sweep.stop(), { once: true });
      if ((await sweep.sweep()) === undefined) return false;
      await resealObjects(stored, content, { prefix: valuesFolder, signal, tell });
      return true;
    },
    moveSearch: () =>
      moveSearch(record, (keyId) => database.read((sql) => following.searchUnder(sql, keyId)), content),
    settle: async () => void (await postgres.forgetOtherKeys(database, content.keyId ?? noKey)),
  };
  return rotating;
}

/** Has the search made anew under the newest key, unless it is; resolves with whether nothing of it is under another one. */
async function moveSearch(
  { store }: ComposedRecord,
  moveUnder: (keyId: string | null) => Promise<SearchMove>,
  { keyId = null }: { readonly keyId: string | null | undefined },
): Promise<boolean> {
  const move = await moveUnder(keyId);
  if (move === 'other') await store.rebuild(['search']);
  return move === 'moved';
}
