import type { Content } from '../encryption/content.ts';
import { noKey } from '../encryption/key-registry.ts';
import type { Resealed, Resealing } from '../encryption/reseal.ts';
import { type Rotating, Rotation } from '../encryption/rotation.ts';
import { journalTables } from '../engine/embedded/content.ts';
import { valuesFolder } from '../engine/values.ts';
import type { Objects } from '../objects/objects.ts';
import { resealObjects } from '../objects/sealed.ts';
import type { Log } from '../observe/log.ts';
import { forgetOtherKeys, keysInUse, resealing } from '../sqlite/resealing.ts';
import { Sweeper } from '../sqlite/sweeper.ts';
import { engineRecordTables, recordTables } from '../store/content.ts';
import { isSearchUnder } from '../store/sqlite/projections/following.ts';
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
    async pass(signal) {
      const { tasks, unreadable } = counting([...journalTables, ...recordTables], resealing);
      const sweeper = new Sweeper({ database, tasks });
      signal.addEventListener('abort', () => sweeper.stop(), { once: true });
      const tables = totalOf(await sweeper.sweep(), unreadable());
      return together(tables, await resealObjects(stored, content, { prefix: valuesFolder, signal }));
    },
    async moveSearch() {
      if (await database.write((sql) => isSearchUnder(sql, content.keyId ?? null))) return true;
      await record.store.rebuild(['search']);
      return false;
    },
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
    async pass(signal) {
      const of = counting([...recordTables, ...engineRecordTables], postgres.resealing);
      const sweep = new PostgresRetention({
        ...{ database, leases, tasks: of.tasks, lease: 'encryption', everyMs: 0, pieceSize: 200 },
      });
      signal.addEventListener('abort', () => sweep.stop(), { once: true });
      const swept = await sweep.sweep();
      if (swept === undefined) return undefined;
      const objects = await resealObjects(stored, content, { prefix: valuesFolder, signal });
      return together(totalOf(swept, of.unreadable()), objects);
    },
    async moveSearch() {
      if (await database.write((sql) => following.isSearchUnder(sql, content.keyId ?? null))) return true;
      await record.store.rebuild(['search']);
      return false;
    },
    settle: async () => void (await postgres.forgetOtherKeys(database, content.keyId ?? noKey)),
  };
  return rotating;
}

function counting<Task>(
  tables: readonly Resealing[],
  taskOf: (table: Resealing, onUnreadable: (count: number) => void) => Task,
) {
  let unreadable = 0;
  const count = (more: number) => {
    unreadable += more;
  };
  return { tasks: tables.map((table) => taskOf(table, count)), unreadable: () => unreadable };
}

const totalOf = (byTask: Readonly<Record<string, number>>, unreadable: number): Resealed => ({
  rewritten: Object.values(byTask).reduce((sum, count) => sum + count, 0),
  unreadable,
});

const together = (one: Resealed, other: Resealed): Resealed => ({
  rewritten: one.rewritten + other.rewritten,
  unreadable: one.unreadable + other.unreadable,
});
