import { createHmac, createPublicKey, verify } from 'node:crypto';
import { Type } from 'typebox';
import { matchesAny, secondsToMs } from '../hmac.ts';
import { type InboundRequest, isStale, refused, type Scheme, textAt, type Verdict } from '../scheme.ts';

/** What is signed, and the signatures by version (`v1`: HMAC-SHA256, `v1a`: Ed25519). */
interface Message {
  readonly content: Buffer;
  readonly timestamp: string;
  readonly signatures: readonly { readonly version: string; readonly bytes: Buffer }[];
}

export const standardWebhooks: Scheme = {
  name: 'standard-webhooks',
  documentation: 'https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md',
  options: Type.Object({}),
  needsSecret: true,
  takesAnyEvent: true,
  signsBody: true,
  problemOfSecret,
  verify(request, secrets, _, nowMs): Verdict {
    const message = messageOf(request);
    if (message === undefined) return refused('missing');
    const secret = secrets.findIndex((candidate) => isSignedWith(candidate, message));
    if (secret === -1) return refused('mismatch');
    return isStale(secondsToMs(message.timestamp), nowMs) ? refused('stale') : { verified: true, secret };
  },
  // It is signed at another time when it comes again.
  signedContent: ({ headers, body }) => [headers[`${familyOf(headers)}-id`] || body],
  events: ({ headers }, payload) => [
    {
      deliveryId: headers[`${familyOf(headers)}-id`],
      eventType: textAt(payload, 'type') ?? textAt(payload, 'event_type'),
      payload,
    },
  ],
};

/** Svix, from which the standard comes, uses header fields of its own name. Nothing is taken from those that are not verified. */
function familyOf(headers: InboundRequest['headers']): 'webhook' | 'svix' {
  const isOfSvix = headers['webhook-signature'] === undefined && headers['svix-signature'] !== undefined;
  return isOfSvix ? 'svix' : 'webhook';
}

function messageOf({ headers, body }: InboundRequest): Message | undefined {
  const prefix = familyOf(headers);
  const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map(
    (part) => headers[`${prefix}-${part}`],
  );
  if (!id || timestamp === undefined || signature === undefined) return undefined;
  const signatures = signature.split(' ').map((part) => {
    const [version = '', text = ''] = part.split(',', 2);
    return { version, bytes: Buffer.from(text, 'base64') };
  });
  return { content: Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]), timestamp, signatures };
}

function isSignedWith(secret: string, { content, signatures }: Message): boolean {
  const of = (version: string) =>
    signatures.filter((one) => one.version === version).map(({ bytes }) => bytes);
  if (!secret.startsWith('whpk_')) {
    return matchesAny(createHmac('sha256', symmetricKey(secret)).update(content).digest(), of('v1'));
  }
  const key = publicKey(secret);
  return of('v1a').some((bytes) => verify(null, content, key, bytes));
}

const symmetricKey = (secret: string) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64');

/** The 32 bytes of an Ed25519 key, as RFC 8410 wraps them. */
function publicKey(secret: string) {
  const raw = Buffer.from(secret.slice('whpk_'.length), 'base64');
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

function problemOfSecret(secret: string): string | undefined {
  const text = secret.replace(/^wh(sec|pk)_/, '');
  const bytes = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64').length : 0;
  if (secret.startsWith('whpk_'))
    return bytes === 32 ? undefined : 'is not `whpk_` and the base64 of 32 bytes';
  return bytes >= 16 ? undefined : 'is not `whsec_` and the base64 of 24 to 64 bytes';
}
