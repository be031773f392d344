import { createHmac } from 'node:crypto';
import type { Secret } from '../core/secret.ts';
import { signingKey } from './secrets.ts';

/** The headers of a signed message, as https://github.com/standard-webhooks/standard-webhooks says. */
export interface SignedHeaders {
  readonly 'webhook-id': string;
  /** Seconds since the epoch. */
  readonly 'webhook-timestamp': string;
  /** One signature per key, newest first, so that receivers can change theirs while a secret is rotated. */
  readonly 'webhook-signature': string;
}

export interface MessageToSign {
  /** The same for every attempt. */
  readonly id: string;
  readonly atMs: number;
  readonly body: string;
}

export type Signer = (message: MessageToSign) => SignedHeaders;

/** Signs with each secret, newest first. Throws `config_invalid` for a secret that cannot be used. */
export function createSigner(secrets: readonly Secret[]): Signer {
  const keys = secrets.map(signingKey);
  return ({ id, atMs, body }) => {
    const timestamp = String(Math.floor(atMs / 1_000));
    const signed = `${id}.${timestamp}.${body}`;
    const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
    return {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signatures.join(' '),
    };
  };
}
