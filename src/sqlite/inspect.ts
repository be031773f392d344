import { DatabaseSync } from 'node:sqlite';
import { messageOf, SignalboxError } from '../core/errors.ts';
import type { Sql } from './database.ts';
import { invariants } from './invariants.ts';
import { damageOfLog, tellDamage } from './log-damage.ts';
import { migrationFiles, refuseNewerSchema, schemaVersion } from './migrate.ts';

export interface Inspection {
  readonly schema: number;
  /** One line for each fault; empty when all is well. */
  readonly problems: readonly string[];
}

const shownPlaces = 3;
const shownDamages = 20;

/**
 * Looks at a whole file: its pages and indexes as SQLite sees them, and what must hold in the journal and the record. It only
 * reads, at one moment, so that a server may go on writing (whose log grows meanwhile). Seconds for a gigabyte.
 * Throws `schema_too_new`, and `storage_failed` for what is no database.
 */
export function inspectFile(path: string, options: { readonly quick?: boolean } = {}): Inspection {
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    connection.exec('BEGIN');
    const schema = schemaVersion(connection);
    refuseNewerSchema(schema);
    const damages = damagesOf(connection, options.quick ? 'quick_check' : 'integrity_check');
    // What is read from damaged pages says nothing.
    const problems = damages.length > 0 ? damages : brokenInvariants(connection);
    return { schema, problems: [...logDamage(path), ...problems] };
  } catch (error) {
    if (error instanceof SignalboxError) throw error;
    throw new SignalboxError('storage_failed', `${path} cannot be read as a database: ${messageOf(error)}.`, {
      cause: error,
    });
  } finally {
    connection?.close();
  }
}

function logDamage(path: string): string[] {
  const log = `${path}-wal`;
  const damage = damageOfLog(log);
  return damage === undefined ? [] : [tellDamage(log, damage)];
}

function damagesOf(connection: DatabaseSync, check: string): string[] {
  try {
    const rows = connection.prepare(`PRAGMA ${check}(${shownDamages})`).all();
    return rows.map((row) => String(Object.values(row)[0])).filter((line) => line !== 'ok');
  } catch (error) {
    return [messageOf(error)];
  }
}

function brokenInvariants(connection: DatabaseSync): string[] {
  return invariants.flatMap(({ broken, sql }) => {
    const found = connection.prepare(`${sql} LIMIT ${shownPlaces + 1}`).all() as { place: unknown }[];
    if (found.length === 0) return [];
    const places = found.slice(0, shownPlaces).map(({ place }) => String(place));
    return [`${broken}: ${places.join(', ')}${found.length > shownPlaces ? ' and others' : ''}`];
  });
}

/**
 * What can be seen at every start without waiting for it: every table and index is there, and both ends of each table can be
 * read. Throws `storage_failed`.
 */
export function inspectAtStart(sql: Pick<Sql, 'all' | 'get'>): void {
  const present = sql.all<{ name: string }>('SELECT name FROM sqlite_schema').map(({ name }) => name);
  const missing = expectedNames().filter((name) => !present.includes(name));
  if (missing.length > 0) throw damaged(`it has no ${missing.join(', ')}`);
  try {
    // Not those that stand behind full-text search: their keys are larger than a number can be, and a check looks at them.
    const tables = sql.all<{ name: string }>(
      `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'`,
    );
    for (const { name } of tables) {
      // The greatest key is found at the other end of the tree.
      const key = sql.get<{ name: string }>('SELECT name FROM pragma_table_info(?) WHERE pk = 1', name)?.name;
      if (key === undefined) continue;
      for (const order of ['ASC', 'DESC'])
        sql.get(`SELECT * FROM "${name}" ORDER BY "${key}" ${order} LIMIT 1`);
    }
  } catch (error) {
    throw damaged(messageOf(error), error);
  }
}

function expectedNames(): string[] {
  const connection = new DatabaseSync(':memory:');
  for (const { sql } of migrationFiles()) connection.exec(sql);
  const rows = connection.prepare(`SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'`).all();
  connection.close();
  return rows.map((row) => String(row.name));
}

function damaged(what: string, cause?: unknown): SignalboxError {
  return new SignalboxError(
    'storage_failed',
    `The database is damaged: ${what}. Keep a copy of the data folder; signalbox check says more, and signalbox restore puts back a backup.`,
    cause === undefined ? {} : { cause },
  );
}
