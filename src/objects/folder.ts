import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { checkKey } from './key.ts';
import type { Objects } from './objects.ts';

/** Names of files that are being written; they are no objects. */
const unfinished = '.~';

/** Objects as files below a folder, each written beside its place, synced, and then renamed. */
export function createFolderObjects(root: string): Objects {
  const pathOf = (key: string) => join(root, ...checkKey(key).split('/'));
  return {
    put: async (key, body) => writeWhole(pathOf(key), body),
    get: async (key) => await readIfThere(pathOf(key)),
    delete: async (key) => await rm(pathOf(key), { force: true }),
    list: async (prefix, limit = 1_000) => {
      const keys = await keysBelow(root, prefix);
      return keys.sort().slice(0, limit);
    },
    location: (key) => pathToFileURL(pathOf(key)).href,
  };
}

async function writeWhole(path: string, body: string | Uint8Array): Promise<void> {
  const folder = dirname(path);
  const written = join(folder, `${unfinished}${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    await withFile(written, 'wx', async (file) => {
      await file.writeFile(body);
      await file.sync();
    });
    await rename(written, path);
    // The new name is on disk once the folder is.
    await withFile(folder, 'r', (file) => file.sync());
  } catch (error) {
    await rm(written, { force: true }).catch(() => {});
    throw new SignalboxError(
      'storage_failed',
      `The object ${path} could not be written: ${messageOf(error)}. Check the free space and the permissions.`,
      { cause: error },
    );
  }
}

async function withFile(
  path: string,
  flags: string,
  work: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await work(file);
  } finally {
    await file.close();
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (['ENOENT', 'EISDIR', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}

/** Only the folder that the prefix names is walked, not the whole tree. */
async function keysBelow(root: string, prefix: string): Promise<string[]> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1).replace(/\/$/, '');
  const start = folder === '' ? root : join(root, ...checkKey(folder).split('/'));
  try {
    const entries = await readdir(start, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith(unfinished))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((key) => key.startsWith(prefix));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
