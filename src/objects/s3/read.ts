import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { StoredObject } from '../objects.ts';
import { isMissing } from './failure.ts';

/** The client tries again until an answer has begun; for one that breaks off it is on us. */
const readAttempts = 3;

/** The most that one answer lists, says S3. */
const keysAtOnce = 1_000;

export interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

export async function readObject(
  client: S3Client,
  place: Place,
  bodyMs: number,
): Promise<StoredObject | undefined> {
  for (let attempt = 1; ; attempt++) {
    const answer = await orMissing(client.send(new GetObjectCommand(place)));
    if (answer === undefined) return undefined;
    try {
      return { body: await wholeBody(answer, bodyMs), version: answer.ETag ?? '' };
    } catch (error) {
      if (attempt === readAttempts) throw error;
    }
  }
}

async function wholeBody(answer: GetObjectCommandOutput, bodyMs: number): Promise<Buffer> {
  const stream = answer.Body as NonNullable<GetObjectCommandOutput['Body']> &
    NodeJS.ReadableStream & {
      destroy(error: Error): void;
    };
  const timer = setTimeout(
    () => stream.destroy(new Error(`The body did not come within ${bodyMs / 1_000} s`)),
    bodyMs,
  );
  try {
    const bytes = await stream.transformToByteArray();
    if (answer.ContentLength !== undefined && bytes.length !== answer.ContentLength) {
      throw new Error(`The body has ${bytes.length} bytes of ${answer.ContentLength}`);
    }
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } finally {
    clearTimeout(timer);
  }
}

async function orMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The keys that begin with `Prefix`, from S3 in the order of their bytes. */
export async function listKeys(
  client: S3Client,
  { Bucket, Prefix }: { readonly Bucket: string; readonly Prefix: string },
  limit: number,
): Promise<string[]> {
  const keys: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const MaxKeys = Math.min(limit - keys.length, keysAtOnce);
    const page = await client.send(
      new ListObjectsV2Command({ Bucket, Prefix, MaxKeys, ...(ContinuationToken && { ContinuationToken }) }),
    );
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (ContinuationToken !== undefined && keys.length < limit);
  return keys;
}
