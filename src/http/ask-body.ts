import { type FieldError, SignalboxError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { parseTimestamp } from '../core/timestamp.ts';

/** What `POST /webhook` asks for. */
export interface Ask {
  readonly query: string;
  readonly sourceSystem: string;
  readonly sourceProcess: string;
  readonly timestamp: string;
  /** Fields that the contract does not name. */
  readonly extra: JsonObject;
}

export const limits = { query: 10_000, name: 128, aheadMs: 5 * 60_000 } as const;

/** Reads the body by the rules of the contract. Throws `invalid_request` with every fault that it has. */
export function parseAsk(body: Json | undefined, now: number): Ask {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new SignalboxError(
      'malformed_request',
      `The body is ${describe(body)}; a JSON object was expected.`,
    );
  }
  const { query, source_system, source_process, timestamp, ...extra } = body as JsonObject;
  const faults: FieldError[] = [];
  const ask = {
    query: readQuery(query, faults),
    sourceSystem: readName('/source_system', source_system, faults),
    sourceProcess: readName('/source_process', source_process, faults),
    timestamp: readTime(timestamp, now, faults),
    extra,
  };
  if (faults.length > 0) throw invalid(faults);
  return ask;
}

function invalid(fields: readonly FieldError[]): SignalboxError {
  const list = fields.map((field) => `${field.path.slice(1)} ${field.message}`).join('; ');
  return new SignalboxError('invalid_request', `The request is not valid: ${list}.`, { fields });
}

function readQuery(value: Json | undefined, faults: FieldError[]): string {
  const text = readText('/query', value, faults);
  if (text === undefined) return '';
  const trimmed = text.trim();
  const length = charactersOf(trimmed, limits.query);
  if (isBlank(trimmed)) faults.push({ path: '/query', message: 'is empty; ask something' });
  if (length > limits.query) {
    faults.push({ path: '/query', message: `has ${length} characters; at most ${limits.query} are allowed` });
  }
  return trimmed;
}

function readName(path: string, value: Json | undefined, faults: FieldError[]): string {
  const text = readText(path, value, faults);
  if (text === undefined) return '';
  const length = charactersOf(text, limits.name);
  if (isBlank(text)) faults.push({ path, message: `is empty; 1 to ${limits.name} characters are expected` });
  else if (length > limits.name) {
    faults.push({ path, message: `has ${length} characters; at most ${limits.name} are allowed` });
  } else if (/\p{Cc}/u.test(text)) faults.push({ path, message: 'has control characters' });
  return text;
}

/** Lone surrogates become U+FFFD, as they would on their way through UTF-8 anyway. */
function readText(path: string, value: Json | undefined, faults: FieldError[]): string | undefined {
  if (value === undefined) faults.push({ path, message: 'is missing' });
  else if (typeof value !== 'string')
    faults.push({ path, message: `is ${describe(value)}; a string is expected` });
  else if (value.includes('\0')) faults.push({ path, message: 'has a NUL character' });
  else return value.isWellFormed() ? value : value.toWellFormed();
  return undefined;
}

function readTime(value: Json | undefined, now: number, faults: FieldError[]): string {
  const path = '/timestamp';
  const text = readText(path, value, faults);
  if (text === undefined) return '';
  const at = parseTimestamp(text);
  if (at === undefined) {
    const example = new Date(now).toISOString();
    faults.push({ path, message: `is not an ISO-8601 time with a zone, such as ${example}` });
  } else if (at > now + limits.aheadMs) {
    const clock = new Date(now).toISOString();
    faults.push({ path, message: `is more than 5 minutes ahead of this server, where it is ${clock}` });
  }
  return text;
}

/** Nothing that can be seen: white space, control and format characters, fillers (Unicode's Default_Ignorable_Code_Point). */
function isBlank(text: string): boolean {
  return !/[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u.test(text);
}

/** Counts code points, and only where code units leave a doubt. */
function charactersOf(text: string, limit: number): number {
  return text.length <= limit ? text.length : [...text].length;
}

function describe(value: Json | undefined): string {
  if (value === undefined) return 'empty';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
