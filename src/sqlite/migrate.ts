import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { SignalboxError } from '../core/errors.ts';
import { type Migration, readMigrations } from '../core/migrations.ts';
import { copyBeforeMigration, isDestructive } from './migration-copy.ts';

export const migrationFiles = (): Migration[] => readMigrations(join(import.meta.dirname, 'migrations'));

/**
 * Runs the migrations that the file has not seen, each in a transaction. When one of them takes something away, the database is copied
 * before the first: returns where. Throws `schema_too_new`, and `storage_failed` without the room for a copy.
 */
export function migrate(connection: DatabaseSync, migrations = migrationFiles()): string | undefined {
  const present = schemaVersion(connection);
  refuseNewerSchema(present, migrations);
  if (present === 0) letShrink(connection);
  const pending = migrations.filter(({ version }) => version > present);
  const copy = copyIfNeeded(connection, present, pending);
  for (const { version, sql } of pending) {
    inTransaction(connection, `${sql}; PRAGMA user_version = ${version};`);
  }
  return copy;
}

function copyIfNeeded(
  connection: DatabaseSync,
  present: number,
  pending: readonly Migration[],
): string | undefined {
  const path = connection.location();
  const isAtRisk = present > 0 && pending.some(({ sql }) => isDestructive(sql));
  return isAtRisk && path !== null ? copyBeforeMigration(connection, path, present) : undefined;
}

/** A migration that fails, or that a crash cuts off, leaves the file as it was. */
function inTransaction(connection: DatabaseSync, sql: string): void {
  try {
    connection.exec(`BEGIN IMMEDIATE; ${sql} COMMIT;`);
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}

export function schemaVersion(connection: DatabaseSync): number {
  return (connection.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** Throws `schema_too_new`. */
export function refuseNewerSchema(present: number, migrations = migrationFiles()): void {
  const newest = migrations.at(-1)?.version ?? 0;
  if (present <= newest) return;
  throw new SignalboxError(
    'schema_too_new',
    `The data folder has schema ${present}; this version of Signalbox knows up to ${newest}. Start the newer version, or restore a backup from before the upgrade.`,
  );
}

/** Before there is anything in it, a file can be made one that `PRAGMA incremental_vacuum` makes smaller. */
function letShrink(connection: DatabaseSync): void {
  const tables = connection.prepare('SELECT count(*) AS count FROM sqlite_schema').get() as { count: number };
  if (tables.count === 0) connection.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM;');
}
