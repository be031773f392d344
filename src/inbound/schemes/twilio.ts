import { createHash, createHmac } from 'node:crypto';
import { Type } from 'typebox';
import { matchesAny } from '../hmac.ts';
import { type InboundRequest, refused, type Scheme, textAt } from '../scheme.ts';

type Options = { url?: string };

/**
 * SHA-1 over the address and, of a form, its fields in the order of their names. A JSON body is covered by a SHA-256 in
 * the address. Twilio signs with the port for some addresses and without it for others, so both are tried.
 */
export const twilio: Scheme<Options> = {
  name: 'twilio',
  documentation: 'https://www.twilio.com/docs/usage/webhooks/webhooks-security',
  options: Type.Object({
    /** The address that Twilio calls, where a proxy changes it on the way. */
    url: Type.Optional(Type.String({ format: 'uri' })),
  }),
  needsSecret: true,
  signsBody: true,
  verify(request, secrets, options) {
    const signature = request.headers['x-twilio-signature'];
    if (signature === undefined) return refused('missing');
    const presented = [Buffer.from(signature, 'base64')];
    const fields = signedFields(request);
    if (fields === undefined) return refused('mismatch');
    const addresses = withAndWithoutPort(options.url ?? request.url);
    const secret = secrets.findIndex((key) =>
      addresses.some((address) =>
        matchesAny(
          createHmac('sha1', key)
            .update(address + fields)
            .digest(),
          presented,
        ),
      ),
    );
    return secret === -1 ? refused('mismatch') : { verified: true, secret };
  },
  // Not the bytes of the body: a form is signed in the order of its names, in whatever order it comes.
  signedContent: (request, { url = request.url }) => [
    withAndWithoutPort(url)[1] ?? url,
    signedFields(request) ?? request.body,
  ],
  events: ({ headers }, payload) => [
    {
      deliveryId: headers['i-twilio-idempotency-token'],
      idIsUnsigned: true,
      eventType:
        textAt(payload, 'MessageStatus') ?? textAt(payload, 'SmsStatus') ?? textAt(payload, 'CallStatus'),
      payload,
    },
  ],
};

/** Undefined when the body is not the one that the address speaks of. */
function signedFields({ url, headers, body }: InboundRequest): string | undefined {
  const bodyHash = URL.parse(url)?.searchParams.get('bodySHA256') ?? undefined;
  if (bodyHash !== undefined) {
    const actual = createHash('sha256').update(body).digest();
    return matchesAny(actual, [Buffer.from(bodyHash, 'hex')]) ? '' : undefined;
  }
  if (!headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    return body.length === 0 ? '' : undefined;
  }
  const form = new URLSearchParams(body.toString());
  const names = [...new Set(form.keys())].sort();
  return names
    .map((name) =>
      [...new Set(form.getAll(name))]
        .sort()
        .map((value) => name + value)
        .join(''),
    )
    .join('');
}

const standardPorts: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' };

/** The text of the address is kept: only the port comes or goes. */
function withAndWithoutPort(address: string): readonly string[] {
  const parts = /^(https?:)\/\/([^/?#]*@)?(\[[^\]]*\]|[^/:?#]*)(:\d+)?(.*)$/s.exec(address);
  if (parts === null) return [address];
  const [, scheme = '', user = '', host = '', port, rest = ''] = parts;
  const start = `${scheme}//${user}${host}`;
  return [`${start}${port ?? `:${standardPorts[scheme]}`}${rest}`, `${start}${rest}`];
}
