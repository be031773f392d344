import { chmodSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { flush, removeDatabase } from './files.ts';

/**
 * Whether a migration takes something away or rewrites it, so that only a copy can bring it back. An index can be made again, the search as well (of the
 * log), and a trigger does nothing yet.
 */
export function isDestructive(sql: string): boolean {
  const again = /\bDROP TABLE search_\d\b|\bUPDATE projections SET position = 0\b/gi;
  const done = sql.replace(again, '').replace(/--.*$|\bDROP INDEX\b|\bCREATE TRIGGER\b[\s\S]*?\bEND;/gim, '');
  return /\b(DROP|DELETE|UPDATE|REPLACE|RENAME)\b/i.test(done);
}

/**
 * Writes the database as it is, with what its log has, beside itself, and returns where. It has that name once it is whole
 * and on disk; one of an earlier attempt at the same schema is replaced. Throws `storage_failed`, and then nothing may be migrated.
 */
export function copyBeforeMigration(connection: DatabaseSync, path: string, schema: number): string {
  const copy = `${path}.schema-${schema}`;
  const partial = `${copy}.partial`;
  try {
    removeDatabase(partial);
    connection.prepare('VACUUM INTO ?').run(partial);
    chmodSync(partial, 0o600);
    flush(partial);
    renameSync(partial, copy);
    flush(dirname(copy));
    return copy;
  } catch (error) {
    removeDatabase(partial);
    throw new SignalboxError(
      'storage_failed',
      `The database has to be copied to ${copy} before it is brought up to date, which failed: ${messageOf(error)}. Make room for as much as it holds and start again; it is as it was.`,
      { cause: error },
    );
  }
}
