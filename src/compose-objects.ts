import { join } from 'node:path';
import { type Config, s3Settings } from './config.ts';
import { messageOf, SignalboxError } from './core/errors.ts';
import { createFolderObjects } from './objects/folder.ts';
import type { Objects } from './objects/objects.ts';
import type { Log } from './observe/log.ts';

export interface ComposedObjects {
  readonly objects: Objects;
  close(): void;
}

/** The store of objects: a folder, or a bucket. Throws `config_invalid` for a bucket that can't be used; one that is only away may come back. */
export async function openObjects(config: Config, log: Log): Promise<ComposedObjects> {
  const settings = s3Settings(config);
  if (settings === undefined) {
    const folder = config.objectsDir ?? join(config.dataDir, 'objects');
    return { objects: createFolderObjects(folder), close: () => {} };
  }
  // With its SDK, which is not loaded for nothing.
  const { createS3Objects } = await import('./objects/s3/s3.ts');
  const objects = createS3Objects(settings);
  try {
    await objects.check();
  } catch (error) {
    if (error instanceof SignalboxError && error.code === 'config_invalid') {
      objects.close();
      throw error;
    }
    log.warning(messageOf(error));
  }
  return { objects, close: () => objects.close() };
}
