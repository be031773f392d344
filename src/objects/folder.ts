import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { checkKey, objectChanged } from './key.ts';
import type { Objects, PutOptions, StoredObject } from './objects.ts';

/** Names of what is being written; they are no objects. */
const unfinished = '.~';
/** Where all is written first: what a killed process leaves is found there, and nowhere else. */
const writing = `${unfinished}writing`;
/** A write that has gone on for so many times as long as a claim may last is one of a process that has died. */
const leftoverFactor = 10;

/**
 * Objects as files below a folder, each written beside the others, synced, and then renamed. A condition holds among conditional writers in
 * all processes that share the folder, and among all writers of one process.
 */
export function createFolderObjects(root: string, claimMs = 60_000): Objects {
  const pathOf = (key: string) => join(root, ...checkKey(key).split('/'));
  const inTurn = turns();
  const writingFolder = join(root, writing);
  const removeLeftovers = leftoversOf(writingFolder, claimMs * leftoverFactor);
  return {
    put: async (key, body, { expects }: PutOptions = {}) => {
      const path = pathOf(key);
      await removeLeftovers().catch(() => {});
      await inTurn(key, () => writeWhole(path, body, { expects, claimMs, writingFolder }));
    },
    get: async (key) => (await readIfThere(pathOf(key)))?.body,
    read: async (key) => await readIfThere(pathOf(key)),
    delete: async (key) => void (await orUndefined(unlink(pathOf(key)))),
    list: async (prefix, limit = 1_000) => {
      const keys = await keysBelow(root, prefix);
      return keys.sort().slice(0, limit);
    },
    location: (key) => pathToFileURL(pathOf(key)).href,
  };
}

/** Work on one key is done one after the other. */
function turns() {
  const last = new Map<string, Promise<unknown>>();
  return async (key: string, work: () => Promise<void>): Promise<void> => {
    const done = (last.get(key) ?? Promise.resolve()).then(work);
    const settled = done.catch(() => {});
    last.set(key, settled);
    await settled;
    if (last.get(key) === settled) last.delete(key);
    await done;
  };
}

interface Condition {
  readonly expects: string | null | undefined;
  /** How long the writer that has claimed a version may take; one that takes longer has died. */
  readonly claimMs: number;
}

/** What killed processes were writing goes after a while: it may be what has been erased everywhere else. */
function leftoversOf(folder: string, keptMs: number): () => Promise<void> {
  let nextAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (Date.now() < nextAt) return;
    nextAt = Date.now() + Math.max(0, keptMs);
    for (const name of (await orUndefined(readdir(folder))) ?? []) {
      const found = await orUndefined(stat(join(folder, name)));
      if (found && Date.now() - found.mtimeMs > keptMs) await rm(join(folder, name), { force: true });
    }
  };
}

async function writeWhole(
  path: string,
  body: string | Uint8Array,
  { writingFolder, ...condition }: Condition & { readonly writingFolder: string },
): Promise<void> {
  const folder = dirname(path);
  const written = join(writingFolder, randomUUID());
  try {
    for (const needed of [folder, writingFolder]) await mkdir(needed, { recursive: true });
    await withFile(written, 'wx', async (file) => {
      await file.writeFile(body);
      await file.sync();
    });
    if (!(await moveInto(path, written, condition))) {
      throw objectChanged(pathToFileURL(path).href, condition.expects ?? null);
    }
    // The new name is on disk once the folder is.
    await withFile(folder, 'r', (file) => file.sync());
  } catch (error) {
    await rm(written, { force: true }).catch(() => {});
    if (error instanceof SignalboxError) throw error;
    throw new SignalboxError(
      'storage_failed',
      `The object ${path} could not be written: ${messageOf(error)}. Check the free space and the permissions.`,
      { cause: error },
    );
  }
}

/** Resolves with whether what is expected was there. */
async function moveInto(path: string, written: string, { expects, claimMs }: Condition): Promise<boolean> {
  if (expects === undefined) {
    await rename(written, path);
    return true;
  }
  if (expects !== null) return await replaceVersion(path, written, { version: expects, claimMs });
  const isFirst = await linkNew(written, path);
  await rm(written, { force: true });
  return isFirst;
}

/** Of all writers that expect a version, in whichever process, the one that makes the claim for it may replace it. */
async function replaceVersion(
  path: string,
  written: string,
  { version, claimMs }: { readonly version: string; readonly claimMs: number },
): Promise<boolean> {
  if ((await versionAt(path)) !== version) return false;
  const claim = join(dirname(path), `${unfinished}${version}`);
  const claimed = await orUndefined(stat(claim));
  if (claimed !== undefined && Date.now() - claimed.ctimeMs > claimMs) await rm(claim, { force: true });
  if (!(await orUndefined(linkNew(path, claim)))) return false;
  try {
    const isExpected = (await versionAt(path)) === version;
    if (isExpected) await rename(written, path);
    return isExpected;
  } finally {
    await rm(claim, { force: true });
  }
}

/** Resolves with false when there is something of that name. */
async function linkNew(existing: string, path: string): Promise<boolean> {
  try {
    await link(existing, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Each write makes a file, which is never changed. */
const versionOf = ({ ino, mtimeNs }: BigIntStats): string => `${ino}-${mtimeNs}`;

/** Null when there is no object. */
async function versionAt(path: string): Promise<string | null> {
  const found = await orUndefined(stat(path, { bigint: true }));
  return found?.isFile() ? versionOf(found) : null;
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

async function readIfThere(path: string): Promise<StoredObject | undefined> {
  const file = await orUndefined(open(path, 'r'));
  if (file === undefined) return undefined;
  try {
    const found = await file.stat({ bigint: true });
    return found.isFile() ? { body: await file.readFile(), version: versionOf(found) } : undefined;
  } finally {
    await file.close();
  }
}

async function orUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
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
      .filter(
        (entry) =>
          entry.isFile() && !entry.name.startsWith(unfinished) && entry.parentPath !== join(root, writing),
      )
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((key) => key.startsWith(prefix));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
