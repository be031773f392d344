import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { Secret } from '../../core/secret.ts';

export interface S3Connection {
  /** Of a compatible store, whose buckets are paths of it. Without one: AWS. */
  readonly endpoint?: string;
  /** Without one: what the environment, the profile or the machine says; `us-east-1` with an endpoint. */
  readonly region?: string;
  /** Without them: the chain of AWS (environment, profile, web identity, container, machine). */
  readonly credentials?: S3Credentials;
  readonly timeouts?: Timeouts;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret;
}

export interface Timeouts {
  readonly connectMs: number;
  /** From the request to the head of its answer; more for what is sent with it, see `answerWithin`. */
  readonly answerMs: number;
  /** For all of a body, once its head is there. */
  readonly bodyMs: number;
}

export const defaultTimeouts: Timeouts = { connectMs: 5_000, answerMs: 5_000, bodyMs: 120_000 };

/** A line that takes no more than that is one that hangs. */
const leastBytesPerMs = 100;

/** The longest that a store works on one request: it puts the parts of an upload together. */
const completionMs = 60_000;

/** How long each attempt of a request may take that sends so many bytes. */
export const answerWithin = ({ answerMs }: Timeouts, bytes: number): { requestTimeout: number } => ({
  requestTimeout: answerMs + Math.ceil(bytes / leastBytesPerMs),
});

export const completeWithin = { requestTimeout: completionMs } as const;

/** Attempts of one request in all; between them up to 0.1, 0.2, 0.4, 0.8 s, longer when the store is busy. */
const maxAttempts = 5;

/** As many exports as execute at once write four files each. */
const maxSockets = 128;

export function connect({ endpoint, region, credentials, timeouts }: S3Connection): S3Client {
  const { connectMs, answerMs } = timeouts ?? defaultTimeouts;
  const config: S3ClientConfig = {
    maxAttempts,
    retryMode: 'standard',
    requestHandler: {
      httpAgent: { maxSockets },
      httpsAgent: { maxSockets },
      connectionTimeout: connectMs,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
      socketTimeout: Math.max(answerMs, completionMs),
    },
    ...(region !== undefined && { region }),
    ...(credentials && { credentials: revealed(credentials) }),
    // Other stores need not know the checksums that AWS has added since 2024.
    ...(endpoint !== undefined && {
      endpoint,
      region: region ?? 'us-east-1',
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
  };
  return new S3Client(config);
}

const revealed = ({ accessKeyId, secretAccessKey, sessionToken }: S3Credentials) => ({
  accessKeyId,
  secretAccessKey: secretAccessKey.reveal(),
  ...(sessionToken && { sessionToken: sessionToken.reveal() }),
});
