import { Type } from 'typebox';
import type { FieldError } from '../../core/errors.ts';
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
  faultsOfOptions,
  signedContent: contentOf,
  events: ({ headers }, payload, options) => [
    {
      ...idOf(headers, options),
      eventType: headers[(options.event_header ?? 'x-event-type').toLowerCase()] ?? textAt(payload, 'type'),
      payload,
    },
  ],
};

function recipeOf(options: Options): HmacRecipe {
  const { algorithm = 'sha256', encoding = 'hex', prefix = '' } = options;
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
      return {
        signatures: [value.slice(prefix.length)],
        content: contentOf(request, options),
        ...(timestampHeader && { signedAtMs: secondsToMs(request.headers[timestampHeader]) }),
      };
    },
  };
}

function contentOf(request: InboundRequest, options: Options): readonly (string | Buffer)[] {
  const header = (name: string | undefined) => (name && request.headers[name.toLowerCase()]) ?? '';
  const [timestamp, id] = [header(options.timestamp_header), header(options.id_header)];
  return fill(options.signed ?? '{body}', { ...request, timestamp, id });
}

const isSigned = ({ signed = '{body}' }: Options, part: string) => signed.includes(`{${part}}`);

function idOf(headers: InboundRequest['headers'], options: Options) {
  const deliveryId = headers[(options.id_header ?? 'webhook-id').toLowerCase()];
  if (isSigned(options, 'id')) return { deliveryId };
  return { deliveryId: deliveryId || headers['idempotency-key'], idIsUnsigned: true };
}

/** A time that is checked and not signed, or signed and not checked, keeps nobody from sending a request again. */
function faultsOfOptions(options: Options): readonly FieldError[] {
  const faults: readonly [found: boolean, path: string, message: string][] = [
    [
      options.timestamp_header !== undefined && !isSigned(options, 'timestamp'),
      'timestamp_header',
      'names a time that is not signed: put {timestamp} into `signed`, as the sender signs it',
    ],
    [
      options.timestamp_header === undefined && isSigned(options, 'timestamp'),
      'signed',
      'has {timestamp}: say in `timestamp_header` where that is',
    ],
    [
      options.id_header === undefined && isSigned(options, 'id'),
      'signed',
      'has {id}: say in `id_header` where that is',
    ],
    [
      options.tolerance_seconds !== undefined && options.timestamp_header === undefined,
      'tolerance_seconds',
      'needs a time: say in `timestamp_header` where that is, and in `signed` how it is signed',
    ],
  ];
  return faults
    .filter(([found]) => found)
    .map(([, option, message]) => ({ path: `/options/${option}`, message }));
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
