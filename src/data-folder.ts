import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, SignalboxError } from './core/errors.ts';

/**
 * Makes the data folder where there is none: for its owner alone, because questions, answers and the webhook secret lie in
 * it. Throws `config_invalid`. Folder by folder, because `mkdir` with `recursive` never comes back where a file system
 * refuses with ENOENT what it shows the parent of (`/proc`).
 */
export function makeDataFolder(dataDir: string): void {
  try {
    makeFolder(dataDir, 0o700);
    if (!statSync(dataDir).isDirectory()) throw new Error('it is not a folder');
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const message = `SIGNALBOX_DATA_DIR is ${dataDir}, which cannot be used: ${messageOf(error)}.`;
    throw new SignalboxError('config_invalid', message, { cause: error });
  }
}

function makeFolder(path: string, mode?: number): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** From here on every file that this process makes is for its owner alone, those of libraries included. */
export function keepFilesPrivate(): void {
  process.umask(0o077);
}

/** A line about a data folder that other users of the machine can look into; undefined for one that they can't. */
export function opennessOf(dataDir: string): string | undefined {
  // Windows has no such bits; what Node shows in their place says nothing.
  if (process.platform === 'win32') return undefined;
  const mode = statSync(dataDir).mode & 0o777;
  if ((mode & 0o077) === 0) return undefined;
  return `Other users of this machine can look into the data folder ${dataDir} (its mode is ${mode.toString(8)}). Make it private with: chmod -R go= ${dataDir}`;
}
