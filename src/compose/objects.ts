import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { s3Settings } from '../config/storage.ts';
import { messageOf, SignalboxError } from '../core/errors.ts';
import type { Content } from '../encryption/content.ts';
import { createFolderObjects } from '../objects/folder.ts';
import { type CircuitChange, GuardedObjects } from '../objects/guarded.ts';
import type { Objects, ObjectsProblem } from '../objects/objects.ts';
import type { S3Options } from '../objects/s3/s3.ts';
import { watchBucket } from '../objects/s3/watch.ts';
import { createSealedObjects } from '../objects/sealed.ts';
import type { Log } from '../observe/log.ts';

export interface ComposedObjects {
  readonly objects: Objects;
  /** The same as they are stored, encrypted or not. */
  readonly stored: Objects;
  /** Where exported conversations go: the same place, or a bucket of their own. */
  readonly exports: GuardedObjects;
  readonly watched: WatchedObjects;
  close(): void;
}

/** What is seen of the stores of objects. */
export interface WatchedObjects {
  /** Whether one is a bucket. */
  readonly inBucket: boolean;
  /** What keeps one of them from being used, as far as is known. */
  problem(): ObjectsProblem | undefined;
  /** The circuits that are not closed. */
  open(): ReturnType<GuardedObjects['open']>;
}

/** The stores of objects: a folder, or buckets. Throws `config_invalid` for a bucket that can't be used; one that is only away may come back. */
export async function openObjects(config: Config, log: Log, content: Content): Promise<ComposedObjects> {
  const settings = s3Settings(config);
  const opened: { close(): void; problem(): ObjectsProblem | undefined }[] = [];
  const guards: GuardedObjects[] = [];
  const guarded = (objects: Objects, name: string): GuardedObjects => {
    const guard = new GuardedObjects(objects, { name, onChange: tellChange(log) });
    guards.push(guard);
    return guard;
  };
  const openBucket = async (options: S3Options): Promise<GuardedObjects> => {
    // With its SDK, which is not loaded for nothing.
    const { createS3Objects } = await import('../objects/s3/s3.ts');
    const bucket = createS3Objects(options);
    const problem = watchBucket(bucket.location(''), () => bucket.check());
    opened.push({ close: () => bucket.close(), problem });
    await bucket.check().catch((error) => tellUnlessRefused(error, log));
    return guarded(bucket, bucket.location(''));
  };
  const close = () => {
    for (const each of [...guards, ...opened]) each.close();
  };
  const folder = () => {
    const path = config.objectsDir ?? join(config.dataDir, 'objects');
    return guarded(createFolderObjects(path), path);
  };
  try {
    const plain = settings.objects ? await openBucket(settings.objects) : folder();
    // Exports are files for people and their tools: as they are.
    const exports = settings.exports ? await openBucket(settings.exports) : plain;
    const objects = content.keyIds.length > 0 ? createSealedObjects(plain, content) : plain;
    const watched: WatchedObjects = {
      inBucket: opened.length > 0,
      problem: () => first([...guards, ...opened].map((each) => each.problem())),
      open: () => guards.flatMap((guard) => guard.open()),
    };
    return { objects, stored: plain, exports, watched, close };
  } catch (error) {
    close();
    throw error;
  }
}

const first = <T>(found: readonly (T | undefined)[]): T | undefined => found.find((one) => one !== undefined);

const tellChange =
  (log: Log) =>
  ({ name, kind, to, problem }: CircuitChange): void =>
    log.warning(
      to === 'closed'
        ? `The store of objects at ${name} can ${kind} again.`
        : `The store of objects at ${name} fails to ${kind}; what needs that waits, and is not tried meanwhile: ${problem}`,
    );

function tellUnlessRefused(error: unknown, log: Log): void {
  if (error instanceof SignalboxError && error.code === 'config_invalid') throw error;
  log.warning(messageOf(error));
}
