import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SignalboxError } from '../core/errors.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Makes this process the only one that uses the data folder, by an exclusive transaction on an empty SQLite file that stays
 * open: the operating system lets go of it when the process ends, however it ends. Throws `data_dir_in_use`.
 */
export function lockFolder(folder: string): FolderLock {
  mkdirSync(folder, { recursive: true });
  const connection = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: 0 });
  const holderFile = join(folder, 'lock.json');
  try {
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
  } catch (error) {
    connection.close();
    if ((error as { errcode?: unknown }).errcode !== 5 /* BUSY */) throw error;
    throw new SignalboxError(
      'data_dir_in_use',
      `The data folder ${folder} is used by another Signalbox process${holderOf(holderFile)}. Stop that one, or give this one another folder in SIGNALBOX_DATA_DIR.`,
      { cause: error },
    );
  }
  writeFileSync(holderFile, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }));
  return { release: () => connection.close() };
}

function holderOf(file: string): string {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; since: string };
    return ` (pid ${holder.pid}, since ${holder.since})`;
  } catch {
    return '';
  }
}
