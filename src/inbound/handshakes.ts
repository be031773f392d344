import { createHmac } from 'node:crypto';
import { Type } from 'typebox';
import type { Json } from '../core/json.ts';
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
  /** A parameter that has to be one of the secrets. */
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
export const handshakeOption = Type.Optional(
  Type.Union((Object.keys(handshakes) as HandshakeName[]).map((name) => Type.Literal(name))),
);

/**
 * No quotes, braces or spaces: whoever asks gets the HMAC of what was asked with (`x`), and what could be the body of a webhook
 * must not be signed for anybody.
 */
const challengePattern = /^[\w.:~+/=-]{1,512}$/;

/** The answer to the question of a vendor; undefined for what is none, or not with one of the secrets. */
export function answerHandshake(
  name: string | undefined,
  request: InboundRequest,
  payload: Json,
  secrets: readonly string[],
): Reply | undefined {
  const handshake: Handshake | undefined = handshakes[name as HandshakeName];
  if (handshake === undefined || handshake.method !== request.method) return undefined;
  const parameters = URL.parse(request.url)?.searchParams;
  const { when, token, challenge: place } = handshake;
  if (when !== undefined && textAt(payload, ...when.payload.split('.')) !== when.is) return undefined;
  if (token !== undefined && !isOneOf(secrets, parameters?.get(token))) return undefined;
  const challenge =
    'query' in place
      ? parameters?.get(place.query)
      : 'header' in place
        ? request.headers[place.header]
        : textAt(payload, ...place.payload.split('.'));
  if (challenge === undefined || challenge === null || !challengePattern.test(challenge)) return undefined;
  return replyOf(handshake.reply, challenge, secrets[0] ?? '');
}

/** Compared by their HMAC with a key of this moment, so that the time says nothing. */
function isOneOf(secrets: readonly string[], presented: string | null | undefined): boolean {
  if (presented === null || presented === undefined) return false;
  const key = crypto.getRandomValues(new Uint8Array(32));
  const hash = (text: string) => createHmac('sha256', key).update(text).digest('base64');
  const wanted = hash(presented);
  return secrets.map(hash).includes(wanted);
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
