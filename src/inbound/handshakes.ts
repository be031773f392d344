import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Type } from 'typebox';
import { type FieldError, SignalboxError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { type InboundRequest, type Reply, textAt } from './scheme.ts';

/** How a vendor asks whether an address is ours to give, before it sends anything there. */
interface Handshake {
  /** What the vendor says about it. */
  readonly documentation: string;
  /** `GET` comes unsigned; `POST` is a webhook like the others, and verified first. */
  readonly method: 'GET' | 'POST';
  /** Where the text is that the vendor wants to see again. */
  readonly challenge: { readonly query: string } | { readonly header: string } | { readonly payload: string };
  /** It is one only with this in the payload. */
  readonly when?: { readonly payload: string; readonly is: string };
  /** A parameter that has to be `options.verify_token`. It comes in an address, in clear: never a secret that signs. */
  readonly token?: string;
  /** A text, or the members of an object; `{challenge}`, `{hex}` and `{base64}` (HMAC-SHA256 of it) are replaced. */
  readonly reply: string | Readonly<Record<string, string>>;
}

export const handshakes = {
  dropbox: {
    documentation: 'https://www.dropbox.com/developers/reference/webhooks',
    method: 'GET',
    challenge: { query: 'challenge' },
    reply: '{challenge}',
  },
  meta: {
    documentation: 'https://developers.facebook.com/docs/graph-api/webhooks/getting-started',
    method: 'GET',
    challenge: { query: 'hub.challenge' },
    token: 'hub.verify_token',
    reply: '{challenge}',
  },
  okta: {
    documentation: 'https://developer.okta.com/docs/concepts/event-hooks/',
    method: 'GET',
    challenge: { header: 'x-okta-verification-challenge' },
    reply: { verification: '{challenge}' },
  },
  x: {
    documentation: 'https://docs.x.com/x-api/webhooks/quickstart',
    method: 'GET',
    challenge: { query: 'crc_token' },
    reply: { response_token: 'sha256={base64}' },
  },
  zoom: {
    documentation: 'https://developers.zoom.us/docs/api/webhooks/',
    method: 'POST',
    when: { payload: 'event', is: 'endpoint.url_validation' },
    challenge: { payload: 'payload.plainToken' },
    reply: { plainToken: '{challenge}', encryptedToken: '{hex}' },
  },
} as const satisfies Record<string, Handshake>;

export type HandshakeName = keyof typeof handshakes;

/** What a source says of it. */
export const handshakeOptions = {
  handshake: Type.Optional(
    Type.Union((Object.keys(handshakes) as HandshakeName[]).map((name) => Type.Literal(name))),
  ),
  /** What the vendor presents to show that it is the one who was told of the address. Never shown. */
  verify_token: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000 })),
};

/** What is wrong with the token of a source: it is there exactly where it is asked for, and is no secret. */
export function handshakeFaults(
  { handshake: name, verify_token: token }: JsonObject,
  secrets: readonly string[],
): FieldError[] {
  const handshake: Handshake | undefined = handshakes[name as HandshakeName];
  const path = '/options/verify_token';
  if (handshake?.token !== undefined && token === undefined) {
    return [{ path, message: `is missing: the handshake ${String(name)} is answered with it alone` }];
  }
  if (handshake?.token === undefined && token !== undefined) {
    return [{ path, message: 'is used by no handshake of this source; options.handshake: meta uses it' }];
  }
  if (!secrets.includes(token as string)) return [];
  return [{ path, message: 'is one of the secrets; it comes in an address, so it must be another text' }];
}

/** What is only given back. */
const echoedPattern = /^[\w.:~+/=-]{1,512}$/;
/** What is signed for whoever asks: never with a brace or a bracket, which every accepted body begins with. */
const signedPattern = /^[\w+/=-]{1,256}$/;

const signs = ({ reply }: Handshake) => /\{(hex|base64)\}/.test(JSON.stringify(reply));

/**
 * A handshake that signs what it is asked with is asked by strangers. So its source takes JSON objects and arrays alone: whatever
 * else is signed beside a body, it has a brace or a bracket in it, and no challenge that is signed has one. Throws
 * `malformed_request`.
 */
export function checkSignedBody(name: string | undefined, { body }: InboundRequest): void {
  const handshake: Handshake | undefined = handshakes[name as HandshakeName];
  if (handshake === undefined || !signs(handshake) || /^[ \t\r\n]*[{[]/.test(body.toString('latin1'))) return;
  throw new SignalboxError(
    'malformed_request',
    `The body is neither a JSON object nor an array; a source with the handshake ${name} takes nothing else.`,
  );
}

/** The answer to the question of a vendor; undefined for what is none, or not with its token, and while no secret is valid. */
export function answerHandshake(
  { handshake: name, verify_token: verifyToken }: JsonObject,
  request: InboundRequest,
  payload: Json,
  [secret]: readonly string[],
): Reply | undefined {
  const handshake: Handshake | undefined = handshakes[name as HandshakeName];
  if (handshake === undefined || handshake.method !== request.method || secret === undefined)
    return undefined;
  const parameters = URL.parse(request.url)?.searchParams;
  const { when, token, challenge: place } = handshake;
  if (when !== undefined && textAt(payload, ...when.payload.split('.')) !== when.is) return undefined;
  if (token !== undefined && !isToken(verifyToken, parameters?.get(token))) return undefined;
  const challenge =
    'query' in place
      ? parameters?.get(place.query)
      : 'header' in place
        ? request.headers[place.header]
        : textAt(payload, ...place.payload.split('.'));
  const pattern = signs(handshake) ? signedPattern : echoedPattern;
  if (challenge === undefined || challenge === null || !pattern.test(challenge)) return undefined;
  return replyOf(handshake.reply, challenge, secret);
}

/** Compared by their hashes, in constant time. */
function isToken(token: unknown, presented: string | null | undefined): boolean {
  if (typeof token !== 'string' || typeof presented !== 'string') return false;
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(token), hash(presented));
}

function replyOf(reply: Handshake['reply'], challenge: string, secret: string): Reply {
  const signed = (encoding: 'hex' | 'base64') =>
    createHmac('sha256', secret).update(challenge).digest(encoding);
  const fill = (text: string) =>
    text.replace(/\{(challenge|hex|base64)\}/g, (_, what: string) =>
      what === 'challenge' ? challenge : signed(what as 'hex' | 'base64'),
    );
  if (typeof reply === 'string') {
    return { status: 200, contentType: 'text/plain; charset=utf-8', body: fill(reply) };
  }
  const members = Object.entries(reply).map(([name, text]) => [name, fill(text)] as const);
  const body = JSON.stringify(Object.fromEntries(members));
  return { status: 200, contentType: 'application/json; charset=utf-8', body };
}
