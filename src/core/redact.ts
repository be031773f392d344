import type { Json } from './json.ts';

/** What is taken out of texts before they are logged or exported. */
export const redactions = ['secrets', 'email', 'phone'] as const;
export type Redaction = (typeof redactions)[number];

export interface RedactionRules {
  readonly kinds: readonly Redaction[];
  /**
   * Fields of JSON that are taken out whole, by the end of their path: `ssn` anywhere, `customer.ssn` below a `customer`; `*` is any
   * one name, and the items of a list have the path of the list.
   */
  readonly fields: readonly string[];
}

export interface Redactor {
  text(text: string): string;
  /** The same shape: strings and names redacted, fields of the rules replaced by `[redacted]`. */
  json<T extends Json>(value: T): T;
}

export const redactedText = '[redacted]';

interface Shape {
  /** What is in each text that has one: looking for it costs a fiftieth of the pattern. */
  readonly marker: string;
  readonly pattern: RegExp;
}

const shape = (marker: string, pattern: RegExp): Shape => ({ marker, pattern });

const bearer = /(?<=\bbearer[ \t]{1,8})[\w.~+/=-]{16,}/gi;
const basic = /(?<=\bbasic[ \t]{1,8})[A-Za-z0-9+/=]{12,}/gi;

/**
 * Secrets by the shapes that their issuers document, so that a finding is one. What has no shape of its own (a password in a
 * sentence) is found by no pattern: name its field.
 */
const shapes: Readonly<Record<Redaction, readonly Shape[]>> = {
  secrets: [
    // Private keys in PEM (RFC 7468) and OpenPGP, in JSON with \n as two characters; of one that is cut off what looks like its text.
    shape(
      'PRIVATE KEY',
      /-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----(?:(?:(?!-----)[^"]){0,16384}-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----|(?:[\w+/=\s]|\\[nr]){0,16384})/g,
    ),
    // JSON web tokens (RFC 7519): header and payload begin with {".
    shape('eyJ', /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*/g),
    // Standard Webhooks; Stripe; OpenAI, Anthropic and others that begin with sk-.
    shape('whs', /\bwhs(?:ec|k)_[A-Za-z0-9+/=]{16,}/g),
    shape('k_', /\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/g),
    shape('sk-', /\bsk-[A-Za-z0-9_-]{20,}/g),
    // GitHub, GitLab, Slack, npm, Google, AWS access key ids.
    shape('gh', /\bgh[pousr]_[A-Za-z0-9]{30,}/g),
    shape('github_pat_', /\bgithub_pat_\w{30,}/g),
    shape('glpat-', /\bglpat-[\w-]{20,}/g),
    shape('xox', /\bxox[abeprs]-[A-Za-z0-9-]{10,}/g),
    shape('xapp-', /\bxapp-[A-Za-z0-9-]{10,}/g),
    shape('npm_', /\bnpm_[A-Za-z0-9]{30,}/g),
    shape('AIza', /\bAIza[\w-]{35}/g),
    shape('AKIA', /\bAKIA[A-Z0-9]{16}\b/g),
    shape('ASIA', /\bASIA[A-Z0-9]{16}\b/g),
    // Credentials in a header, whose scheme is written in any case (RFC 9110, section 11.1), or in a URL, as far as its last @.
    shape('earer', bearer),
    shape('EARER', bearer),
    shape('asic', basic),
    shape('ASIC', basic),
    shape('://', /(?<=:\/\/)[^\s/@:"']{1,256}:[^\s/"']{1,256}(?=@)/g),
  ],
  email: [shape('@', /[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/g)],
  // International with +, or the North American form with separators: bare digits are more often something else.
  phone: [
    shape('+', /(?<![\w+])\+[1-9](?:[ ().-]{0,2}\d){7,14}(?!\d)/g),
    shape('', /(?<![\w-])(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?![\w-])/g),
  ],
};

export function createRedactor({ kinds, fields }: RedactionRules): Redactor {
  const wanted = kinds.flatMap((kind) => shapes[kind]);
  const text = (value: string) =>
    wanted.reduce(
      (rest, { marker, pattern }) => (rest.includes(marker) ? rest.replace(pattern, redactedText) : rest),
      value,
    );
  const paths = fields.map((field) => field.split('.'));
  const isField = (path: readonly string[]) => paths.some((wanted) => endsWith(path, wanted));
  const json = (value: Json, path: readonly string[]): Json => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map((item) => json(item, path));
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value).map(([name, of]): [string, Json] => {
      const below = [...path, name];
      return [text(name), isField(below) ? redactedText : json(of as Json, below)];
    });
    // Not assigned one by one: a field may be called __proto__.
    return Object.fromEntries(distinct(entries));
  };
  return { text, json: <T extends Json>(value: T) => json(value, []) as T };
}

/** Names that are the same once they are redacted get a number. */
function distinct(entries: readonly [string, Json][]): [string, Json][] {
  const names = new Set<string>();
  return entries.map(([name, value], at) => {
    const own = names.has(name) ? `${name} ${at + 1}` : name;
    names.add(own);
    return [own, value];
  });
}

function endsWith(path: readonly string[], wanted: readonly string[]): boolean {
  if (wanted.length > path.length) return false;
  const end = path.slice(path.length - wanted.length);
  return wanted.every((name, index) => name === '*' || name === end[index]);
}
