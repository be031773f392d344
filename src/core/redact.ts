import type { Json } from './json.ts';
import { isSecretField, type Redaction, redactedText, redactionShapes } from './redaction-shapes.ts';

export { type Redaction, redactedText, redactions } from './redaction-shapes.ts';

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
  /** The same shape: names and strings redacted, fields of the rules and texts of fields that are called a secret replaced by `[redacted]`. */
  json<T extends Json>(value: T): T;
}

export function createRedactor({ kinds, fields }: RedactionRules): Redactor {
  const wanted = kinds.flatMap((kind) => redactionShapes[kind]);
  const text = (value: string) =>
    wanted.reduce(
      (rest, { marker, pattern, by = redactedText }) =>
        rest.includes(marker) ? rest.replace(pattern, by) : rest,
      value,
    );
  const paths = fields.map((field) => field.split('.'));
  const looksAtNames = kinds.includes('secrets');
  const isField = (path: readonly string[], value: unknown) =>
    paths.some((wanted) => endsWith(path, wanted)) ||
    (looksAtNames && typeof value === 'string' && isSecretField(path.at(-1)!));
  const json = (value: Json, path: readonly string[]): Json => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map((item) => json(item, path));
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value).map(([name, of]): [string, Json] => {
      const below = [...path, name];
      return [text(name), isField(below, of) ? redactedText : json(of as Json, below)];
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
