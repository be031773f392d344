import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { SignalboxError } from '../../core/errors.ts';
import { checkKey, isKey, objectChanged } from '../key.ts';
import type { Objects, PutOptions } from '../objects.ts';
import { connect, defaultTimeouts, type S3Connection } from './client.ts';
import { asFailure, isConfiguration } from './failure.ts';
import { listKeys, readObject } from './read.ts';
import type { Upload } from './upload.ts';
import { write } from './write.ts';

export interface S3Options extends S3Connection {
  readonly bucket: string;
  /** Where our keys begin, without slashes around it. Without one: the whole bucket. */
  readonly prefix?: string;
  /** Without it: what the bucket says. */
  readonly encryption?: Encryption;
}

/** By S3 with its own keys, or with a key of KMS: the one named, or the one that AWS manages. */
export type Encryption =
  | { readonly algorithm: 'AES256' }
  | { readonly algorithm: 'aws:kms'; readonly keyId?: string };

export interface S3Objects extends Objects {
  /** Throws `config_invalid` for what only another configuration mends, and `storage_failed` when the store can't be reached now. */
  check(): Promise<void>;
  close(): void;
}

/** Objects in a bucket of S3, or of a store that speaks its protocol. */
export function createS3Objects(options: S3Options): S3Objects {
  const client = connect(options);
  const { bucket: Bucket } = options;
  const { timeouts = defaultTimeouts } = options;
  const prefix = options.prefix ? `${options.prefix}/` : '';
  const at = (key: string) => ({ Bucket, Key: `${prefix}${checkKey(key)}` });
  const location = (key: string) => `s3://${Bucket}/${prefix}${key}`;

  const put = async (key: string, body: string | Uint8Array, { contentType, expects }: PutOptions = {}) => {
    const object = {
      ...at(key),
      body: typeof body === 'string' ? Buffer.from(body) : body,
      properties: { ...encryptionOf(options.encryption), ...(contentType && { ContentType: contentType }) },
      condition: conditionOf(expects),
      timeouts,
    };
    const isWritten = await failingAs(location(key), 'written', () => write(client, object));
    if (!isWritten) throw objectChanged(location(key), expects ?? null);
  };
  const read = async (key: string) => {
    const place = at(key);
    return await failingAs(location(key), 'read', () => readObject(client, place, timeouts.bodyMs));
  };
  const remove = async (key: string) => {
    const place = at(key);
    await failingAs(location(key), 'deleted', () => client.send(new DeleteObjectCommand(place)));
  };
  const keysFrom = async (start: string, limit: number) => {
    const keys = await listKeys(client, { Bucket, Prefix: `${prefix}${start}` }, limit);
    // What others have put there is none of ours.
    return keys.map((key) => key.slice(prefix.length)).filter(isKey);
  };
  const list = (start: string, limit = 1_000) =>
    failingAs(location(`${start}*`), 'listed', () => keysFrom(start, limit));

  return {
    ...{ put, read, list, location },
    get: async (key) => (await read(key))?.body,
    delete: remove,
    check: () => keysFrom('', 1).then(() => {}, refuseToStart(location(''))),
    close: () => client.destroy(),
  };
}

async function failingAs<T>(location: string, done: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asFailure(error, location, done);
  }
}

const refuseToStart = (location: string) => (error: unknown) => {
  const failure = asFailure(error, location, 'listed');
  if (!isConfiguration(error)) throw failure;
  throw new SignalboxError('config_invalid', failure.message, { cause: error });
};

function conditionOf(expects: string | null | undefined): Upload['condition'] {
  if (expects === undefined) return {};
  return expects === null ? { IfNoneMatch: '*' } : { IfMatch: expects };
}

function encryptionOf(encryption: Encryption | undefined): Upload['properties'] {
  if (encryption === undefined) return {};
  if (encryption.algorithm === 'AES256') return { ServerSideEncryption: 'AES256' };
  const { keyId } = encryption;
  return { ServerSideEncryption: 'aws:kms', ...(keyId !== undefined && { SSEKMSKeyId: keyId }) };
}
