import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerProcess } from '../fixtures/server-process.ts';

/**
 * Surroundings that a process gets without privileges, in namespaces of its own (Linux): a folder that is a small file system in
 * memory, or one that can't be written. They are gone when the process is.
 */
export const smallDisk = (folder: string, sizeBytes: number): readonly string[] =>
  within(`mount -t tmpfs -o size=${sizeBytes} tmpfs "$0"`, folder);

export const readOnlyDisk = (folder: string): readonly string[] =>
  within('mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"', folder);

function within(mount: string, folder: string): readonly string[] {
  return ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', `${mount} && exec "$@"`, folder];
}

/** Whether this machine lets us: containers and some systems do not. */
export function canMount(within: readonly string[]): boolean {
  const [command, ...args] = within;
  return spawnSync(command!, [...args, 'true'], { stdio: 'ignore' }).status === 0;
}

/** Takes all the room that is left where the server's folder is, and returns how to give it back. */
export function fillDisk({ process: { pid } }: ServerProcess, folder: string): () => void {
  const ballast = join('/proc', String(pid), 'root', folder, 'ballast');
  const fd = openSync(ballast, 'w');
  try {
    for (let size = 1_048_576; size >= 1; ) {
      try {
        if (writeSync(fd, Buffer.alloc(size)) < size) size >>= 1;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size >>= 1;
      }
    }
  } finally {
    closeSync(fd);
  }
  return () => rmSync(ballast);
}
