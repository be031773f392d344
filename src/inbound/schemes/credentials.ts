import { createHash, timingSafeEqual } from 'node:crypto';
import { Type } from 'typebox';
import type { Json } from '../../core/json.ts';
import { handshakeOptions } from '../handshakes.ts';
import { type InboundRequest, refused, type Scheme, type Verdict } from '../scheme.ts';

/** For senders that sign nothing and present a secret instead. */
function presents(
  request: InboundRequest,
  authScheme: string,
  secrets: readonly string[],
  read: (text: string) => string,
): Verdict {
  const [scheme, credentials] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() !== authScheme || !credentials) return refused('missing');
  const presented = sha256(read(credentials));
  const secret = secrets.findIndex((candidate) => timingSafeEqual(sha256(candidate), presented));
  return secret === -1 ? refused('mismatch') : { verified: true, secret };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();

const described = {
  takesAnyEvent: true as const,
  events: ({ headers }: InboundRequest, payload: Json) => [
    {
      deliveryId: headers['webhook-id'] || headers['idempotency-key'],
      eventType: headers['x-event-type'],
      payload,
    },
  ],
};

/** A secret is `user:password`. */
export const basic: Scheme = {
  name: 'basic',
  documentation: 'https://www.rfc-editor.org/rfc/rfc7617',
  options: Type.Object({}),
  needsSecret: true,
  signsBody: false,
  problemOfSecret: (secret) => (/^[^:]+:./.test(secret) ? undefined : 'is not `user:password`'),
  verify: (request, secrets) =>
    presents(request, 'basic', secrets, (text) => Buffer.from(text, 'base64').toString()),
  ...described,
};

export const bearer: Scheme = {
  name: 'bearer',
  documentation: 'https://www.rfc-editor.org/rfc/rfc6750#section-2.1',
  options: Type.Object(handshakeOptions),
  needsSecret: true,
  signsBody: false,
  problemOfSecret: (secret) =>
    /^\S+$/.test(secret) ? undefined : 'has white space in it, which a token never has',
  verify: (request, secrets) => presents(request, 'bearer', secrets, (text) => text),
  ...described,
};

/** Lets everybody in; a source of this scheme says so by name. */
export const none: Scheme = {
  name: 'none',
  documentation: 'https://github.com/standard-webhooks/standard-webhooks',
  options: Type.Object({}),
  needsSecret: false,
  signsBody: false,
  verify: () => ({ verified: true }),
  ...described,
};
