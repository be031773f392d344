import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { answerWithin, completeWithin, type Timeouts } from './client.ts';

/** An object with more is uploaded in parts of this size. AWS wants 5 MiB or more of each but the last, and at most 10,000. */
export const partBytes = 8 * 1_048_576;
const mostParts = 10_000;
const partsAtOnce = 3;

export interface Upload {
  readonly Bucket: string;
  readonly Key: string;
  readonly body: Uint8Array;
  /** Type, encryption and metadata of the object. */
  readonly properties: Pick<
    PutObjectCommandInput,
    'ContentType' | 'Metadata' | 'ServerSideEncryption' | 'SSEKMSKeyId'
  >;
  readonly timeouts: Timeouts;
  readonly condition: { readonly IfMatch?: string; readonly IfNoneMatch?: '*' };
}

/** Writes an object whole: it is there when this resolves, and none of it is seen before. */
export async function upload(client: S3Client, object: Upload): Promise<void> {
  if (object.body.length > partBytes) return await uploadParts(client, object);
  const { Bucket, Key, body: Body, properties, condition } = object;
  const command = new PutObjectCommand({ Bucket, Key, Body, ...properties, ...condition });
  await client.send(command, answerWithin(object.timeouts, Body.length));
}

async function uploadParts(client: S3Client, object: Upload): Promise<void> {
  const { Bucket, Key, properties, condition } = object;
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...properties }));
  try {
    const Parts = await sendParts(client, object, UploadId!);
    const whole = { Bucket, Key, UploadId, MultipartUpload: { Parts }, ...condition };
    await client.send(new CompleteMultipartUploadCommand(whole), completeWithin);
  } catch (error) {
    // Parts of an upload that is neither completed nor aborted are stored, and paid for, for ever.
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => {});
    throw error;
  }
}

interface Part {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
}

async function sendParts(
  client: S3Client,
  { Bucket, Key, body, timeouts }: Upload,
  UploadId: string,
): Promise<Part[]> {
  const size = Math.max(partBytes, Math.ceil(body.length / mostParts));
  const count = Math.ceil(body.length / size);
  const parts: Part[] = [];
  let next = 0;
  let failed = false;
  const sendSome = async () => {
    while (next < count && !failed) {
      const index = next++;
      const part = { Bucket, Key, UploadId, PartNumber: index + 1 };
      const Body = body.subarray(index * size, (index + 1) * size);
      const within = answerWithin(timeouts, Body.length);
      const { ETag } = await client.send(new UploadPartCommand({ ...part, Body }), within);
      parts[index] = { PartNumber: index + 1, ETag };
    }
  };
  const sending = Array.from({ length: partsAtOnce }, () =>
    sendSome().catch((error) => {
      failed = true;
      throw error;
    }),
  );
  // An upload can be aborted only when none of its parts is under way.
  const ended = await Promise.allSettled(sending);
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return parts;
}
