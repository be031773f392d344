import { constants } from 'node:fs';
import { copyFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { SignalboxError } from '../../../core/errors.ts';
import { type DuckDbResources, openForWriting, spillFolderOf } from './instance.ts';

export interface ReplaceOptions extends DuckDbResources {
  /** Begins with an empty file instead of a copy of the one that is there. */
  readonly fromScratch?: boolean;
}

/**
 * Changes a warehouse without its readers noticing until it is whole: the change is made on a copy next to it, which then
 * takes its name in one step. After a crash the old file is there as it was. One writer at a time, over all processes.
 */
export async function replaceFile<Result>(
  path: string,
  change: (connection: DuckDBConnection) => Promise<Result>,
  options: ReplaceOptions = {},
): Promise<Result> {
  await mkdir(dirname(path), { recursive: true });
  const unlock = await lock(`${path}.lock`);
  const copy = `${path}.loading`;
  try {
    await removeDatabase(copy); // Of a load that was killed.
    if (options.fromScratch !== true) await copyIfThere(path, copy);
    const result = await changeFile(copy, change, options);
    await flush(copy);
    await rename(copy, path);
    await flush(dirname(path));
    return result;
  } finally {
    await removeDatabase(copy);
    await unlock();
  }
}

async function changeFile<Result>(
  path: string,
  change: (connection: DuckDBConnection) => Promise<Result>,
  options: DuckDbResources,
): Promise<Result> {
  const { instance, connection } = await openForWriting(path, options);
  try {
    const result = await change(connection);
    await connection.run('CHECKPOINT');
    return result;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function removeDatabase(path: string): Promise<void> {
  const files = [path, `${path}.wal`, spillFolderOf(path)];
  await Promise.all(files.map((file) => rm(file, { force: true, recursive: true })));
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The locks that this process holds: a lock file with our own number may also be left over from a container's last life. */
const held = new Set<string>();

async function lock(path: string): Promise<() => Promise<void>> {
  if (held.has(path)) throw busy(path, process.pid);
  held.add(path);
  try {
    await takeLockFile(path);
  } catch (error) {
    held.delete(path);
    throw error;
  }
  return async () => {
    await rm(path, { force: true });
    held.delete(path);
  };
}

async function takeLockFile(path: string): Promise<void> {
  const take = () => writeFile(path, String(process.pid), { flag: 'wx' });
  try {
    await take();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    if (isAlive(owner)) throw busy(path, owner);
    await rm(path, { force: true });
    await take();
  }
}

function isAlive(processId: number): boolean {
  if (!Number.isSafeInteger(processId) || processId <= 0 || processId === process.pid) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const busy = (path: string, processId: number) =>
  new SignalboxError(
    'conflict',
    `Process ${processId} is loading data into this warehouse. Wait until it has finished; if it is not running, delete ${path}.`,
  );
