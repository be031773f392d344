import { createHmac } from 'node:crypto';

/** The headers of a signed message, as https://github.com/standard-webhooks/standard-webhooks says. */
export interface SignedHeaders {
  readonly 'webhook-id': string;
  /** Seconds since the epoch. */
  readonly 'webhook-timestamp': string;
  /** One signature per key, newest first, so that receivers can change theirs while a secret is rotated. */
  readonly 'webhook-signature': string;
}

export function signMessage(
  message: { readonly id: string; readonly atMs: number; readonly body: string },
  keys: readonly Buffer[],
): SignedHeaders {
  const timestamp = String(Math.floor(message.atMs / 1_000));
  const signed = `${message.id}.${timestamp}.${message.body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
