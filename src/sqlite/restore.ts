import { closeSync, copyFileSync, existsSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { databaseName } from './backup.ts';
import { flush, removeDatabase } from './files.ts';
import { lockFolder } from './folder-lock.ts';
import { inspectFile } from './inspect.ts';
import { refuseDamagedLog } from './log-damage.ts';

/** Beside a database that was restored and has not been started since: what was erased after the backup has to be erased again. */
export const restoredName = 'restored';

export interface RestoreOptions {
  readonly file: string;
  /** A folder that is there. */
  readonly dataDir: string;
  /** Whether what is in the folder may be put aside (nothing is deleted). */
  readonly replace?: boolean;
}

export interface Restored {
  readonly takenAt: string;
  readonly files: readonly string[];
  /** Where what was there before is now. */
  readonly putAside: readonly string[];
}

/**
 * Puts a backup into a data folder that no server uses. The database gets its name last, so that a folder is never taken for a
 * restored one that is not. Throws `conflict`, `data_dir_in_use`, `not_found`, `schema_too_new`, `storage_failed`.
 */
export function restoreBackup(options: RestoreOptions): Restored {
  const takenAt = checkedBackup(options.file);
  const lock = lockFolder(options.dataDir);
  try {
    return { takenAt, ...restoreInto(options) };
  } catch (error) {
    if (error instanceof SignalboxError) throw error;
    throw new SignalboxError(
      'storage_failed',
      `${options.file} could not be restored into ${options.dataDir}: ${messageOf(error)}. Check the free space and the permissions, and try again.`,
      { cause: error },
    );
  } finally {
    lock.release();
  }
}

/** When it was taken, of a file that is a whole backup. */
function checkedBackup(file: string): string {
  if (!existsSync(file)) throw new SignalboxError('not_found', `There is no file ${file}.`);
  const { problems } = inspectFile(file);
  if (problems.length > 0) {
    throw new SignalboxError(
      'storage_failed',
      `The backup ${file} is damaged, and nothing was restored: ${problems[0]}. Use another backup.`,
    );
  }
  const connection = new DatabaseSync(file, { readOnly: true });
  try {
    const row = connection.prepare(`SELECT value FROM backup_manifest WHERE name = 'taken_at'`).get();
    return String(row!.value);
  } catch (error) {
    const message = `${file} is no backup of Signalbox: it was not written by signalbox backup.`;
    throw new SignalboxError('conflict', message, { cause: error });
  } finally {
    connection.close();
  }
}

function restoreInto({ file, dataDir, replace }: RestoreOptions): Omit<Restored, 'takenAt'> {
  const target = join(dataDir, databaseName);
  if (existsSync(target) && replace !== true) {
    throw new SignalboxError(
      'conflict',
      `${dataDir} has a database already. Restore into another folder (SIGNALBOX_DATA_DIR), or add --replace: what is there is put aside, not deleted.`,
    );
  }
  const coming = `${target}.restoring`;
  removeDatabase(coming);
  copyFileSync(file, coming);
  const files = unpack(coming, dataDir);
  const putAside = putAsideAll(dataDir, files);
  for (const name of files) renameSync(join(dataDir, `${name}.restoring`), join(dataDir, name));
  writeFileSync(join(dataDir, restoredName), '', { mode: 0o600 });
  flush(dataDir);
  renameSync(coming, target);
  flush(dataDir);
  return { files: [databaseName, ...files], putAside };
}

/** Writes the files of a backup beside their places, and leaves in it what a database of ours has. */
function unpack(coming: string, dataDir: string): string[] {
  const connection = new DatabaseSync(coming);
  try {
    const names = connection
      .prepare('SELECT DISTINCT name FROM backup_files')
      .all()
      .map(({ name }) => String(name));
    for (const name of names) writeFile(connection, name, join(dataDir, `${name}.restoring`));
    connection.exec('DROP TABLE backup_files; DROP TABLE backup_manifest;');
    connection.prepare('PRAGMA incremental_vacuum').all();
    return names;
  } finally {
    connection.close();
    flush(coming);
  }
}

function writeFile(connection: DatabaseSync, name: string, path: string): void {
  if (!/^[\w.-]+$/.test(name) || name.startsWith('.')) {
    throw new SignalboxError('conflict', `The backup has a file that none of ours is named like: ${name}.`);
  }
  const fd = openSync(path, 'w', 0o600);
  try {
    const parts = connection.prepare('SELECT bytes FROM backup_files WHERE name = ? ORDER BY part');
    for (const { bytes } of parts.iterate(name)) writeSync(fd, bytes as Uint8Array);
  } finally {
    closeSync(fd);
  }
  flush(path);
}

/** Gives what is in the way another name. The log of a database would otherwise be taken for that of the next. */
function putAsideAll(dataDir: string, files: readonly string[]): string[] {
  const suffix = `.before-restore-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  finishLog(join(dataDir, databaseName));
  const names = [databaseName, `${databaseName}-wal`, `${databaseName}-shm`, ...files];
  const present = names.filter((name) => existsSync(join(dataDir, name)));
  for (const name of present) renameSync(join(dataDir, name), join(dataDir, `${name}${suffix}`));
  return present.map((name) => `${name}${suffix}`);
}

/** A database that can be opened takes its log in when it is closed; a damaged one keeps it, under the name beside it. */
function finishLog(path: string): void {
  if (!existsSync(path)) return;
  try {
    refuseDamagedLog(path);
    const connection = new DatabaseSync(path);
    try {
      connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      connection.close();
    }
  } catch {
    // It is damaged, which is why a backup is put in its place.
  }
}
