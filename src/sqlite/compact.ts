import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { databaseName } from './backup.ts';
import { lockFolder } from './folder-lock.ts';
import { refuseDamagedLog } from './log-damage.ts';

export interface Compacted {
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

/**
 * Writes the database of a folder that no server uses anew without what is free in it, and makes a file of an earlier
 * version one that can shrink while a server runs. It needs as much free room as the database is large; a crash leaves the file as
 * it was. Throws `data_dir_in_use`, `not_found`, `storage_failed`.
 */
export function compactDatabase(dataDir: string): Compacted {
  const path = join(dataDir, databaseName);
  if (!existsSync(path)) throw new SignalboxError('not_found', `There is no ${path}.`);
  const lock = lockFolder(dataDir);
  try {
    refuseDamagedLog(path);
    const beforeBytes = statSync(path).size;
    vacuum(path);
    return { beforeBytes, afterBytes: statSync(path).size };
  } catch (error) {
    if (error instanceof SignalboxError) throw error;
    throw new SignalboxError(
      'storage_failed',
      `${path} could not be compacted: ${messageOf(error)}. Check the free space; the database is as it was.`,
      { cause: error },
    );
  } finally {
    lock.release();
  }
}

function vacuum(path: string): void {
  const connection = new DatabaseSync(path, { timeout: 5_000 });
  try {
    connection.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);');
  } finally {
    connection.close();
  }
}
