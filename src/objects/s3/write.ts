import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { exponentialDelays, jitter } from '../../core/retry.ts';
import { isConditionFailed, isRepetition, isSimultaneous, isUploadGone } from './failure.ts';
import { type Upload, upload } from './upload.ts';

/** Between writes of one object that S3 refuses because they came at the same time. */
const simultaneousDelaysMs = exponentialDelays({ initialMs: 50, maxMs: 1_600, count: 8 });

/** Which write made an object: how a writer knows its own after an answer that was lost. */
const writeMark = 'signalbox-write';

/** Resolves with whether the object was written; it is not when the condition says so. */
export async function write(client: S3Client, object: Upload): Promise<boolean> {
  const mark = randomUUID();
  const properties = { ...object.properties, Metadata: { [writeMark]: mark } };
  const marked = { ...object, properties };
  for (let time = 0; ; time++) {
    try {
      await upload(client, marked);
      return true;
    } catch (error) {
      if (isRepetition(error) && mayBeOurs(error) && (await isOurs(client, marked, mark))) return true;
      if (isConditional(object) && isConditionFailed(error)) return false;
      const delayMs = isSimultaneous(error) ? simultaneousDelaysMs[time] : undefined;
      if (delayMs === undefined) throw error;
      await sleep(jitter(delayMs, Math.random()));
    }
  }
}

const isConditional = ({ condition }: Upload): boolean => Object.keys(condition).length > 0;

/** What the second attempt of a request hears when the first one did it. */
const mayBeOurs = (error: unknown): boolean => isConditionFailed(error) || isUploadGone(error);

async function isOurs(client: S3Client, { Bucket, Key }: Upload, mark: string): Promise<boolean> {
  const found = await client.send(new HeadObjectCommand({ Bucket, Key })).catch(() => undefined);
  return found?.Metadata?.[writeMark] === mark;
}
