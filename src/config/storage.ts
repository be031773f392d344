import { isAbsolute, resolve } from 'node:path';
import { SignalboxError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';

import { optional, required, url, type Values } from './setting.ts';

/** Where data are. */
export const storageSettings = {
  dataDir: required({
    variable: 'SIGNALBOX_DATA_DIR',
    about: 'The folder with everything that is kept; made for its owner alone.',
    expects: 'a path',
    default: './data',
    parse: (text) => (isAbsolute(text) ? text : resolve(text)),
  }),
  objectsDir: optional<string>({
    variable: 'SIGNALBOX_OBJECTS_DIR',
    about:
      'The folder of exports and of values that are too large for a journal, the same for all processes: with several machines, on a file system that they share. Without it: `objects` in the data folder.',
    expects: 'a path',
    parse: (text) => (isAbsolute(text) ? text : resolve(text)),
  }),
  objectsUrl: optional<BucketUrl>({
    variable: 'SIGNALBOX_OBJECTS_URL',
    about: 'The bucket of S3, or of a store like it, with what would be in `SIGNALBOX_OBJECTS_DIR`.',
    expects: 'a bucket and a prefix such as `s3://bucket/signalbox`',
    parse: parseBucketUrl,
  }),
  exportBucket: optional<BucketUrl>({
    variable: 'CONVERSATION_EXPORT_S3_BUCKET',
    about:
      'The bucket for exported conversations. Without it they are with the other objects, under `conversation-history/`.',
    expects: 'the name of a bucket, or `s3://bucket/prefix`',
    parse: (text) => parseBucketUrl(text.startsWith('s3://') ? text : `s3://${text}`),
  }),
  s3Endpoint: url(
    'SIGNALBOX_S3_ENDPOINT',
    'Where a store is that speaks the protocol of S3; buckets are paths of it. Without it: AWS.',
  ),
  s3Encryption: optional<S3Encryption>({
    variable: 'SIGNALBOX_S3_ENCRYPTION',
    about:
      'How objects are encrypted: by S3, with the key of AWS in KMS, or with another one. Without it the bucket decides.',
    expects: '`AES256`, `aws:kms` or `aws:kms=` and the id, ARN or alias of a key',
    parse: parseEncryption,
  }),
  awsRegion: optional<string>({
    variable: 'AWS_REGION',
    about:
      'The region of the bucket, and of the function. Without it: what the profile says; `us-east-1` with `SIGNALBOX_S3_ENDPOINT`.',
    expects: 'a region such as `eu-central-1`',
    parse: (text) => (/^[a-z0-9-]{1,63}$/.test(text) ? text : undefined),
  }),
  awsAccessKeyId: optional<string>({
    variable: 'AWS_ACCESS_KEY_ID',
    about:
      'Whose access to the bucket it is. Without it: the profile, web identity, container or machine, as AWS looks for them.',
    expects: 'the id of an access key',
    parse: (text) => (/^[\w.-]{1,128}$/.test(text) ? text : undefined),
  }),
  awsSecretAccessKey: optional<Secret>({
    variable: 'AWS_SECRET_ACCESS_KEY',
    about: 'The secret of `AWS_ACCESS_KEY_ID`.',
    expects: 'a secret access key',
    secret: true,
    parse: (text) => new Secret(text),
  }),
  awsSessionToken: optional<Secret>({
    variable: 'AWS_SESSION_TOKEN',
    about: 'What belongs to `AWS_ACCESS_KEY_ID` when it is a temporary one.',
    expects: 'a session token',
    secret: true,
    parse: (text) => new Secret(text),
  }),
} as const;

type StorageConfig = Values<typeof storageSettings>;

interface BucketUrl {
  readonly bucket: string;
  /** Without slashes around it; empty for the whole bucket. */
  readonly prefix: string;
}

/** docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
function parseBucketUrl(text: string): BucketUrl | undefined {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9._=+@:,/-]{0,200}))?$/.exec(text);
  if (match === null) return undefined;
  const prefix = (match[2] ?? '').replace(/\/$/, '');
  const isUsable = prefix === '' || prefix.split('/').every((part) => !['', '.', '..'].includes(part));
  return isUsable ? { bucket: match[1]!, prefix } : undefined;
}

type S3Encryption =
  | { readonly algorithm: 'AES256' }
  | { readonly algorithm: 'aws:kms'; readonly keyId?: string };

function parseEncryption(text: string): S3Encryption | undefined {
  if (text === 'AES256') return { algorithm: 'AES256' };
  if (text === 'aws:kms') return { algorithm: 'aws:kms' };
  const keyId = /^aws:kms=([\w:/-]{1,2048})$/.exec(text)?.[1];
  return keyId === undefined ? undefined : { algorithm: 'aws:kms', keyId };
}

/** How to reach the buckets that there are. Throws `config_invalid` for what contradicts itself or is half there. */
export function s3Settings(config: StorageConfig) {
  const { objectsUrl, objectsDir, exportBucket, s3Endpoint: endpoint, s3Encryption: encryption } = config;
  if (objectsUrl === undefined && exportBucket === undefined) {
    const ofNothing =
      endpoint !== undefined ? 'SIGNALBOX_S3_ENDPOINT' : encryption && 'SIGNALBOX_S3_ENCRYPTION';
    if (ofNothing === undefined) return {};
    throw new SignalboxError(
      'config_invalid',
      `${ofNothing} is set, and SIGNALBOX_OBJECTS_URL is not, so that objects would be in a folder. Set it to the bucket, such as s3://bucket/signalbox.`,
    );
  }
  if (objectsUrl !== undefined && objectsDir !== undefined) {
    throw new SignalboxError(
      'config_invalid',
      'SIGNALBOX_OBJECTS_URL and SIGNALBOX_OBJECTS_DIR are both set, and objects are kept in one place. Unset one of them.',
    );
  }
  const connection = s3Connection(config);
  return {
    ...(objectsUrl && { objects: { ...objectsUrl, ...connection } }),
    ...(exportBucket && { exports: { ...exportBucket, ...connection } }),
  };
}

function s3Connection(config: StorageConfig) {
  const { s3Endpoint: endpoint, s3Encryption: encryption, awsRegion: region } = config;
  const credentials = awsCredentials(config);
  return {
    ...(endpoint && { endpoint }),
    ...(region && { region }),
    ...(encryption && { encryption }),
    ...(credentials && { credentials }),
  };
}

/** Undefined when they come from elsewhere. */
export function awsCredentials({ awsAccessKeyId, awsSecretAccessKey, awsSessionToken }: StorageConfig) {
  if (awsAccessKeyId === undefined && awsSecretAccessKey === undefined) return undefined;
  if (awsAccessKeyId === undefined || awsSecretAccessKey === undefined) {
    const missing = awsAccessKeyId === undefined ? 'AWS_ACCESS_KEY_ID' : 'AWS_SECRET_ACCESS_KEY';
    const message = `Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is set, and ${missing} is not. Set both or neither.`;
    throw new SignalboxError('config_invalid', message);
  }
  return {
    accessKeyId: awsAccessKeyId,
    secretAccessKey: awsSecretAccessKey,
    ...(awsSessionToken && { sessionToken: awsSessionToken }),
  };
}
