import { closeSync, existsSync, openSync, readSync, realpathSync, renameSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { flush, removeDatabase } from './files.ts';
import { inspectFile } from './inspect.ts';

/** The name of the database in a data folder. */
export const databaseName = 'signalbox.sqlite';

/**
 * A backup is one SQLite file: the database as it was at one moment, and two tables more: `backup_manifest` says when and by
 * what it was taken, `backup_files` has the small files of the data folder without which the database is of little use.
 */
const backupTables = `
  CREATE TABLE backup_manifest (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE backup_files (
    name TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (name, part)
  ) STRICT;`;

/** What else is taken along: without the first receivers refuse deliveries, without the second a start makes a demo workspace. */
const filesTaken = ['webhook-secret', 'warehouse.duckdb'] as const;

const partBytes = 1_048_576;

export interface BackupOptions {
  readonly dataDir: string;
  /** Where it is written. It has its name only once it is whole, verified and on disk. */
  readonly file: string;
  /** Whether a file that is there is replaced. */
  readonly replace?: boolean;
  /** Names of `filesTaken` that are left out. */
  readonly without?: readonly string[];
  readonly signalboxVersion: string;
}

export interface Backup {
  readonly file: string;
  readonly takenAt: string;
  readonly sizeBytes: number;
  readonly runs: number;
  readonly unfinishedRuns: number;
  readonly conversations: number;
  readonly files: readonly string[];
}

/**
 * Takes a backup, of a running server or of a folder that no server uses. It reads in one transaction of its own connection, so
 * that the server goes on writing; the server's log grows until it is done. Call it in a process of its own: it blocks.
 * Throws `conflict`, `storage_failed`, `not_found`.
 */
export function takeBackup(options: BackupOptions): Backup {
  const source = join(options.dataDir, databaseName);
  const file = checkedTarget(options, source);
  const partial = `${file}.partial`;
  removeDatabase(partial);
  try {
    copyDatabase(source, partial);
    const backup = complete(partial, options);
    verify(partial);
    flush(partial);
    renameSync(partial, file);
    flush(dirname(file));
    return { ...backup, file };
  } catch (error) {
    removeDatabase(partial);
    if (error instanceof SignalboxError) throw error;
    throw new SignalboxError(
      'storage_failed',
      `The backup ${file} could not be written: ${messageOf(error)}. Check the free space and the permissions there; an earlier backup is as it was.`,
      { cause: error },
    );
  }
}

function checkedTarget({ dataDir, file, replace }: BackupOptions, source: string): string {
  if (!existsSync(source)) {
    throw new SignalboxError(
      'not_found',
      `There is no ${source}. Set SIGNALBOX_DATA_DIR to the data folder of the server.`,
    );
  }
  const target = resolve(file);
  if (!existsSync(dirname(target))) {
    throw new SignalboxError('not_found', `There is no folder ${dirname(target)} to write the backup to.`);
  }
  if (realpathSync(dirname(target)) === realpathSync(dataDir)) {
    throw new SignalboxError(
      'conflict',
      `${target} lies in the data folder itself, and would be lost with it. Name a file elsewhere, on another disk if there is one.`,
    );
  }
  if (existsSync(target) && replace !== true) {
    throw new SignalboxError('conflict', `${target} is there already. Name another file, or add --replace.`);
  }
  return target;
}

function copyDatabase(source: string, target: string): void {
  const connection = new DatabaseSync(source, { readOnly: true, timeout: 5_000 });
  try {
    connection.prepare('VACUUM INTO ?').run(target);
  } finally {
    connection.close();
  }
}

function complete(partial: string, { dataDir, without = [], signalboxVersion }: BackupOptions) {
  const connection = new DatabaseSync(partial);
  try {
    connection.exec(`PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; BEGIN; ${backupTables}`);
    const files = filesTaken.filter((name) => !without.includes(name) && existsSync(join(dataDir, name)));
    for (const name of files) addFile(connection, join(dataDir, name));
    const takenAt = new Date().toISOString();
    const add = connection.prepare('INSERT INTO backup_manifest VALUES (?, ?)');
    add.run('format', '1');
    add.run('taken_at', takenAt);
    add.run('signalbox_version', signalboxVersion);
    const counts = connection
      .prepare(
        `SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM runs WHERE ended_at IS NULL) AS unfinishedRuns,
                (SELECT count(*) FROM conversations) AS conversations`,
      )
      .get() as { runs: number; unfinishedRuns: number; conversations: number };
    connection.exec('COMMIT');
    const { bytes } = connection
      .prepare('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size')
      .get() as { bytes: number };
    return { takenAt, sizeBytes: bytes, ...counts, files };
  } finally {
    connection.close();
  }
}

function addFile(connection: DatabaseSync, path: string): void {
  const insert = connection.prepare('INSERT INTO backup_files VALUES (?, ?, ?)');
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(partBytes);
    for (let part = 0; ; part++) {
      const size = readSync(fd, buffer, 0, partBytes, null);
      if (size === 0) return;
      insert.run(basename(path), part, buffer.subarray(0, size));
    }
  } finally {
    closeSync(fd);
  }
}

function verify(partial: string): void {
  const { problems } = inspectFile(partial);
  if (problems.length === 0) return;
  throw new SignalboxError(
    'storage_failed',
    `What was copied is not whole, so no backup was made: ${problems[0]}. Run signalbox check on the data folder.`,
  );
}
