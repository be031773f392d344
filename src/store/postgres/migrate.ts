import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SignalboxError } from '../../core/errors.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { takeLock } from './locks.ts';

const folder = join(import.meta.dirname, 'migrations');

/** The SQL files `001-….sql`, `002-….sql`, … in their order; the number is the version that a file leads to. */
export function migrationFiles(): { readonly version: number; readonly sql: string }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ version: Number.parseInt(name, 10), sql: readFileSync(join(folder, name), 'utf8') }));
}

/**
 * Brings the schema up to date, all steps or none. Of processes that start at once one does it and the others wait for it.
 * Throws `schema_too_new`.
 */
export async function migrate(database: PostgresDatabase): Promise<void> {
  const files = migrationFiles();
  const newest = files.at(-1)!.version;
  if ((await database.read(presentVersion)) === newest) return;
  await database.write(async (sql) => {
    // Larger tables may take their time to change, and whoever comes second to wait for it.
    await sql.run('SET LOCAL statement_timeout = 0');
    await takeLock(sql, 'migration');
    await sql.run('CREATE TABLE IF NOT EXISTS signalbox_schema (version INTEGER NOT NULL)');
    const present = await presentVersion(sql);
    if (present > newest) throw tooNew(present, newest, database.server);
    for (const file of files) if (file.version > present) await sql.run(file.sql);
    await sql.run('DELETE FROM signalbox_schema');
    await sql.run('INSERT INTO signalbox_schema VALUES ($1)', [newest]);
  });
}

async function presentVersion(sql: Transaction): Promise<number> {
  const [found] = await sql.all<{ there: boolean }>(
    `SELECT to_regclass('signalbox_schema') IS NOT NULL AS there`,
  );
  if (!found!.there) return 0;
  const [row] = await sql.all<{ version: number }>('SELECT version FROM signalbox_schema');
  return row?.version ?? 0;
}

function tooNew(present: number, newest: number, server: string): SignalboxError {
  return new SignalboxError(
    'schema_too_new',
    `The database at ${server} has schema ${present}; this version of Signalbox knows up to ${newest}. Start the newer version.`,
  );
}
