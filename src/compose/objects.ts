import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { s3Settings } from '../config/storage.ts';
import { messageOf, SignalboxError } from '../core/errors.ts';
import type { Content } from '../encryption/content.ts';
import { createFolderObjects } from '../objects/folder.ts';
import type { Objects } from '../objects/objects.ts';
import type { S3Options } from '../objects/s3/s3.ts';
import { watchBucket } from '../objects/s3/watch.ts';
import { createSealedObjects } from '../objects/sealed.ts';
import type { Log } from '../observe/log.ts';

export interface ComposedObjects {
  readonly objects: Objects;
  /** The same as they are stored, encrypted or not. */
  readonly stored: Objects;
  /** Where exported conversations go: the same place, or a bucket of their own. */
  readonly exports: Objects;
  /** What keeps a bucket from being used, as far as is known; absent where there is none. */
  readonly problem?: () => Error | undefined;
  close(): void;
}

/** The stores of objects: a folder, or buckets. Throws `config_invalid` for a bucket that can't be used; one that is only away may come back. */
export async function openObjects(config: Config, log: Log, content: Content): Promise<ComposedObjects> {
  const settings = s3Settings(config);
  const opened: { close(): void; problem(): Error | undefined }[] = [];
  const openBucket = async (options: S3Options): Promise<Objects> => {
    // With its SDK, which is not loaded for nothing.
    const { createS3Objects } = await import('../objects/s3/s3.ts');
    const bucket = createS3Objects(options);
    const problem = watchBucket(bucket.location(''), () => bucket.check());
    opened.push({ close: () => bucket.close(), problem });
    await bucket.check().catch((error) => tellUnlessRefused(error, log));
    return bucket;
  };
  const close = () => {
    for (const bucket of opened) bucket.close();
  };
  const folder = () => createFolderObjects(config.objectsDir ?? join(config.dataDir, 'objects'));
  try {
    const plain = settings.objects ? await openBucket(settings.objects) : folder();
    // Exports are files for people and their tools: as they are.
    const exports = settings.exports ? await openBucket(settings.exports) : plain;
    const objects = content.keyIds.length > 0 ? createSealedObjects(plain, content) : plain;
    const problem = () => opened.map((bucket) => bucket.problem()).find((seen) => seen !== undefined);
    return { objects, stored: plain, exports, close, ...(opened.length > 0 && { problem }) };
  } catch (error) {
    close();
    throw error;
  }
}

function tellUnlessRefused(error: unknown, log: Log): void {
  if (error instanceof SignalboxError && error.code === 'config_invalid') throw error;
  log.warning(messageOf(error));
}
