import { Type } from 'typebox';
import { type HandshakeName, handshakeOptions } from '../handshakes.ts';
import {
  type Encoding,
  encodings,
  type HmacAlgorithm,
  type HmacRecipe,
  hmacAlgorithms,
  secondsToMs,
  verifyHmac,
} from '../hmac.ts';
import { type InboundRequest, type Scheme, textAt } from '../scheme.ts';

type Options = {
  header?: string;
  algorithm?: HmacAlgorithm;
  encoding?: Encoding;
  prefix?: string;
  signed?: string;
  timestamp_header?: string;
  tolerance_seconds?: number;
  id_header?: string;
  event_header?: string;
  handshake?: HandshakeName;
  verify_token?: string;
};

const headerName = Type.String({ pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$" });

/** For senders of one's own: everything that the other schemes know of theirs is given as an option. */
export const hmac: Scheme<Options> = {
  name: 'hmac',
  documentation: 'https://www.rfc-editor.org/rfc/rfc2104',
  options: Type.Object({
    /** Default `X-Webhook-Signature`. */
    header: Type.Optional(headerName),
    algorithm: Type.Optional(Type.Union(hmacAlgorithms.map((name) => Type.Literal(name)))),
    encoding: Type.Optional(Type.Union(encodings.map((name) => Type.Literal(name)))),
    /** What comes before the signature in its header, such as `sha256=`. */
    prefix: Type.Optional(Type.String({ maxLength: 40 })),
    /** The signed text with `{body}`, `{timestamp}`, `{id}`, `{method}` and `{url}` in it. Default `{body}`. */
    signed: Type.Optional(Type.String({ maxLength: 200, pattern: '\\{body\\}' })),
    /** A header with seconds since the epoch; needs `{timestamp}` in `signed`. */
    timestamp_header: Type.Optional(headerName),
    tolerance_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
    id_header: Type.Optional(headerName),
    event_header: Type.Optional(headerName),
    ...handshakeOptions,
  }),
  needsSecret: true,
  takesAnyEvent: true,
  signsBody: true,
  verify: (request, secrets, options, nowMs) => verifyHmac(recipeOf(options), request, secrets, nowMs),
  signedTime: ({ headers }, { timestamp_header: header }) => header && headers[header.toLowerCase()],
  events: ({ headers }, payload, options) => [
    {
      deliveryId: headers[(options.id_header ?? 'webhook-id').toLowerCase()] ?? headers['idempotency-key'],
      eventType: headers[(options.event_header ?? 'x-event-type').toLowerCase()] ?? textAt(payload, 'type'),
      payload,
    },
  ],
};

function recipeOf(options: Options): HmacRecipe {
  const { algorithm = 'sha256', encoding = 'hex', prefix = '', signed = '{body}' } = options;
  const signatureHeader = (options.header ?? 'X-Webhook-Signature').toLowerCase();
  const timestampHeader = options.timestamp_header?.toLowerCase();
  const seconds = options.tolerance_seconds;
  return {
    algorithm,
    encoding,
    ...(seconds !== undefined && { toleranceMs: seconds * 1_000 }),
    read(request) {
      const value = request.headers[signatureHeader];
      if (!value?.startsWith(prefix)) return undefined;
      const timestamp = timestampHeader && request.headers[timestampHeader];
      const id = options.id_header && request.headers[options.id_header.toLowerCase()];
      return {
        signatures: [value.slice(prefix.length)],
        content: fill(signed, { ...request, timestamp: timestamp ?? '', id: id ?? '' }),
        ...(timestampHeader && { signedAtMs: secondsToMs(timestamp) }),
      };
    },
  };
}

type Parts = Pick<InboundRequest, 'body' | 'method' | 'url'> & {
  readonly timestamp: string;
  readonly id: string;
};

function fill(template: string, parts: Parts): readonly (string | Buffer)[] {
  return template.split(/(\{(?:body|timestamp|id|method|url)\})/).map((piece) => {
    const name = /^\{(\w+)\}$/.exec(piece)?.[1];
    return name !== undefined && name in parts ? parts[name as keyof Parts] : piece;
  });
}
