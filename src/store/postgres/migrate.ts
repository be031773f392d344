import { join } from 'node:path';
import { SignalboxError } from '../../core/errors.ts';
import { type Migration, readMigrations } from '../../core/migrations.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { takeLock } from './locks.ts';

export const migrationFiles = (): Migration[] => readMigrations(join(import.meta.dirname, 'migrations'));

/**
 * Whether it makes something that programs from before it can't work with; the others only add, so that old and new processes work side
 * by side while versions are changed.
 */
const isBreaking = ({ sql }: Migration): boolean => /^--.*\(breaking\)/.test(sql);

interface Schema {
  readonly version: number;
  /** Programs that know less than this version can't work with it. */
  readonly oldest: number;
}

/** Larger tables may take their time to change, and whoever comes second to wait for it. */
const migrationTimeoutMs = 3_600_000;

/**
 * Brings the schema up to date, all steps or none. Of processes that start at once one does it and the others wait for it.
 * Throws `schema_too_new`.
 */
export async function migrate(database: PostgresDatabase, files = migrationFiles()): Promise<void> {
  const newest = files.at(-1)!.version;
  const isUsable = ({ version, oldest }: Schema): boolean => {
    if (oldest > newest) throw tooNew(version, newest, database.server);
    return version >= newest;
  };
  if (isUsable(await database.read(presentSchema))) return;
  const work = async (sql: Transaction) => {
    await takeLock(sql, 'migration');
    await sql.run(
      'CREATE TABLE IF NOT EXISTS signalbox_schema (version INTEGER NOT NULL, oldest INTEGER NOT NULL)',
    );
    const present = await presentSchema(sql);
    if (isUsable(present)) return;
    const missing = files.filter((file) => file.version > present.version);
    for (const file of missing) await sql.run(file.sql);
    const oldest = missing.findLast(isBreaking)?.version ?? present.oldest;
    await sql.run('DELETE FROM signalbox_schema');
    await sql.run('INSERT INTO signalbox_schema (version, oldest) VALUES ($1, $2)', [newest, oldest]);
  };
  await database.write(work, { statementTimeoutMs: migrationTimeoutMs });
}

async function presentSchema(sql: Transaction): Promise<Schema> {
  const [found] = await sql.all<{ there: boolean }>(
    `SELECT to_regclass('signalbox_schema') IS NOT NULL AS there`,
  );
  const [row] = found!.there ? await sql.all<Schema>('SELECT version, oldest FROM signalbox_schema') : [];
  return row ?? { version: 0, oldest: 0 };
}

function tooNew(present: number, newest: number, server: string): SignalboxError {
  return new SignalboxError(
    'schema_too_new',
    `The database at ${server} has schema ${present}; this version of Signalbox knows up to ${newest}. Start the newer version.`,
  );
}
