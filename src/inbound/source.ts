import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { type FieldError, SignalboxError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { nearest } from '../core/nearest.ts';
import { parseRateLimit, type RateLimit } from '../core/rate-limit.ts';
import { parseTimestamp } from '../core/timestamp.ts';
import { handshakeFaults } from './handshakes.ts';
import type { Scheme } from './scheme.ts';
import { schemes } from './schemes.ts';
import { pathsOf } from './template.ts';

/** A system that sends us webhooks: how its requests are verified, and what they start. */
export interface Source {
  readonly name: string;
  readonly scheme: string;
  /** Several while one is rotated. */
  readonly secrets: readonly SourceSecret[];
  readonly starts: Starts;
  readonly options: SourceOptions;
  /** Absent for one that was made by the API. */
  readonly origin?: 'file';
  /** It lets nobody in: one of a file stands in its place. */
  readonly overridden?: true;
}

export interface SourceSecret {
  readonly label: string;
  readonly secret: string;
  /** Milliseconds since the epoch; valid from then on. */
  readonly notBefore?: number;
  /** Milliseconds since the epoch; valid until then. */
  readonly notAfter?: number;
}

export type Starts = { readonly flow: string } | { readonly definition_id: string };

/** The options of every source; those of its scheme lie beside them. */
export interface SourceOptions extends JsonObject {
  /** Event types that start something, `*` for any part: `issues`, `invoice.*`. Without it: all. */
  readonly events?: readonly string[];
  /** The same for where they happened; of the scheme `cloudevents`. */
  readonly event_sources?: readonly string[];
  /** The input of what is started, with placeholders; see `template.ts`. */
  readonly input?: JsonObject;
  /** Where in the payload the id lies that is the same when an event is sent again; without it, what the scheme knows. */
  readonly dedup_key?: string;
  /** Where in the payload the type of an event lies; without it, what the scheme knows. */
  readonly event_key?: string;
  /** How many events in which time, such as `600/1m`. */
  readonly rate_limit?: string;
}

const namePattern = '^[a-z0-9][a-z0-9._-]{0,63}$';

const secretSchema = Type.Union([
  Type.String({ minLength: 1, maxLength: 1_000 }),
  Type.Object(
    {
      secret: Type.String({ minLength: 1, maxLength: 1_000 }),
      label: Type.Optional(Type.String({ pattern: '^[\\w .@:-]{1,64}$' })),
      not_before: Type.Optional(Type.String()),
      not_after: Type.Optional(Type.String()),
    },
    { additionalProperties: false },
  ),
]);

/** What every source may set under `options`, whatever its scheme. */
const commonOptions = Type.Object({
  events: Type.Optional(
    Type.Array(Type.String({ pattern: '^[^\\x00-\\x1f\\x7f]{1,200}$' }), { maxItems: 100 }),
  ),
  input: Type.Optional(Type.Object({})),
  dedup_key: Type.Optional(Type.String({ pattern: '^[^.{}]+(\\.[^.{}]+)*$', maxLength: 200 })),
  event_key: Type.Optional(Type.String({ pattern: '^[^.{}]+(\\.[^.{}]+)*$', maxLength: 200 })),
  rate_limit: Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,8}/\\d+ ?(s|m|min|h|d)$' })),
});

export const sourceBodySchema = Type.Object(
  {
    scheme: Type.String(),
    secrets: Type.Optional(Type.Array(secretSchema, { maxItems: 10 })),
    starts: Type.Union([
      Type.Object({ flow: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
      Type.Object({ definition_id: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
    ]),
    options: Type.Optional(Type.Object({})),
  },
  { additionalProperties: false },
);

const bodyValidator = Compile(sourceBodySchema);
const optionsValidator = Compile(commonOptions);

interface Body {
  readonly scheme: string;
  readonly secrets?: readonly (string | Readonly<Record<string, string>>)[];
  readonly starts: Starts;
  readonly options?: SourceOptions;
}

/** Reads a source as a caller or a file describes it. Throws `invalid_request` that names every fault, never a secret. */
export function parseSource(name: string, body: unknown): Source {
  const faults: FieldError[] = [];
  if (!new RegExp(namePattern).test(name)) {
    faults.push({ path: 'source', message: `must match ${namePattern}` });
  }
  faults.push(...faultsOf(bodyValidator, body));
  if (faults.length > 0) throw invalid(name, faults);
  const { scheme: schemeName, starts, options = {}, ...given } = body as Body;
  const scheme = schemes.get(schemeName);
  if (scheme === undefined) throw invalid(name, [unknownScheme(schemeName)]);
  const secrets = (given.secrets ?? []).map((secret, index) => readSecret(scheme, secret, index, faults));
  if (scheme.needsSecret && secrets.length === 0) {
    faults.push({ path: '/secrets', message: `must hold a secret: the scheme ${schemeName} needs one` });
  }
  faults.push(...optionFaults(scheme, options));
  faults.push(
    ...handshakeFaults(
      options,
      secrets.map(({ secret }) => secret),
    ),
  );
  if (faults.length > 0) throw invalid(name, faults);
  return { name, scheme: schemeName, secrets, starts, options };
}

function readSecret(
  scheme: Scheme,
  given: string | Readonly<Record<string, string>>,
  index: number,
  faults: FieldError[],
): SourceSecret {
  const {
    secret = '',
    label = `secret ${index + 1}`,
    ...dates
  } = typeof given === 'string' ? { secret: given } : given;
  const problem = scheme.problemOfSecret?.(secret) ?? problemOfKey(scheme, secret);
  if (problem !== undefined) faults.push({ path: `/secrets/${index}`, message: problem });
  const date = (name: 'not_before' | 'not_after') => {
    const text = (dates as Readonly<Record<string, string>>)[name];
    if (text === undefined) return undefined;
    const at = parseTimestamp(text);
    if (at === undefined) {
      faults.push({ path: `/secrets/${index}/${name}`, message: 'must be an ISO-8601 time with a zone' });
    }
    return at;
  };
  const [notBefore, notAfter] = [date('not_before'), date('not_after')];
  return {
    label,
    secret,
    ...(notBefore !== undefined && { notBefore }),
    ...(notAfter !== undefined && { notAfter }),
  };
}

/** A signature lets whoever has one try secrets as fast as they can count. */
const problemOfKey = ({ signsBody }: Scheme, secret: string) =>
  signsBody && secret.length < 8 ? 'is shorter than 8 characters, which is soon guessed' : undefined;

function optionFaults(scheme: Scheme, options: SourceOptions): FieldError[] {
  const own = (scheme.options as unknown as { properties: Record<string, unknown> }).properties;
  const known = [...Object.keys(commonOptions.properties), ...Object.keys(own)];
  const unknown = Object.keys(options).filter((option) => !known.includes(option));
  const roots = ['payload', 'event', 'source', 'delivery_id', 'received_at'];
  const lost = pathsOf(options.input ?? {}).filter((path) => !roots.includes(path.split('.')[0]!));
  return [
    ...faultsOf(optionsValidator, options, '/options'),
    ...ownFaults(scheme, options),
    ...rateLimitFaults(options),
    ...unknown.map((option) => ({
      path: `/options/${option}`,
      message: `is no option of the scheme ${scheme.name}; ${known.join(', ')} are`,
    })),
    ...lost.map((path) => ({
      path: '/options/input',
      message: `names {${path}}; placeholders begin with ${roots.join(', ')}`,
    })),
  ];
}

function ownFaults(scheme: Scheme, options: SourceOptions): readonly FieldError[] {
  const faults = faultsOf(Compile(scheme.options), options, '/options');
  return faults.length > 0 ? faults : (scheme.faultsOfOptions?.(options) ?? []);
}

const dayMs = 86_400_000;

function rateLimitFaults({ rate_limit: limit }: SourceOptions): readonly FieldError[] {
  if (typeof limit !== 'string') return [];
  const windowMs = parseRateLimit(limit)?.windowMs;
  if (windowMs !== undefined && windowMs <= dayMs) return [];
  return [
    { path: '/options/rate_limit', message: 'must be a count in a time from 1s to 1d, such as 600/1m' },
  ];
}

function faultsOf(validator: ReturnType<typeof Compile>, value: unknown, at = ''): FieldError[] {
  if (validator.Check(value)) return [];
  return validator
    .Errors(value)
    .map(({ instancePath, message }) => ({ path: `${at}${instancePath}` || '/', message }));
}

function unknownScheme(seen: string): FieldError {
  const names = [...schemes.keys()];
  const suggestion = nearest(seen, names);
  const advice = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
  return { path: '/scheme', message: `must be one of ${names.join(', ')}${advice}` };
}

function invalid(name: string, fields: readonly FieldError[]): SignalboxError {
  const places = fields.map(({ path, message }) => `${path} ${message}`).join('; ');
  const shown = JSON.stringify(name.slice(0, 80));
  return new SignalboxError('invalid_request', `The source ${shown} cannot be used: ${places}.`, { fields });
}

/** The secrets that are valid now. */
export function secretsAt({ secrets }: Source, nowMs: number): readonly SourceSecret[] {
  return secrets.filter(
    ({ notBefore = Number.NEGATIVE_INFINITY, notAfter = Number.POSITIVE_INFINITY }) =>
      nowMs >= notBefore && nowMs < notAfter,
  );
}

/**
 * Whether events of this type, from there, start something; an event without a type, or from nowhere, only where nothing is
 * filtered.
 */
export function wants(
  { options }: Source,
  eventType: string | undefined,
  eventSource: string | undefined,
): boolean {
  return isWanted(options.events, eventType) && isWanted(options.event_sources, eventSource);
}

function isWanted(patterns: readonly string[] | undefined, text: string | undefined): boolean {
  if (patterns === undefined) return true;
  return text !== undefined && patterns.some((pattern) => matches(pattern, text));
}

/** In linear time, whatever the text: each part is looked for after the one before it. */
function matches(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

export function rateLimitOf({ options }: Source): RateLimit | undefined {
  return parseRateLimit(options.rate_limit ?? '');
}

/** As it is shown: everything but the secrets and the verify token. */
export function shownSource({ secrets, origin, overridden, options, ...source }: Source): Json {
  const { verify_token: _, ...shownOptions } = options;
  const time = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString());
  return {
    ...source,
    options: shownOptions,
    secrets: secrets.map(({ label, notBefore, notAfter }) => ({
      label,
      not_before: time(notBefore),
      not_after: time(notAfter),
    })),
    origin: origin ?? 'api',
    ...(overridden && { overridden }),
  } as unknown as Json;
}
