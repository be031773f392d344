import { isUtf8 } from 'node:buffer';
import { messageOf, SignalboxError } from './errors.ts';
import type { Json } from './json.ts';

/** Deeper nesting than this is nobody's honest request. */
export const depthLimit = 64;

/**
 * Parses JSON as RFC 8259 asks senders to write it: UTF-8, one value for each name of an object (readers disagree on
 * what a repeated name means, which is how one body says two things), whole characters (an escape can write half of one, which strict
 * readers of what we give back refuse), not deeper than `depthLimit`. Throws `malformed_request` that says what is wrong.
 */
export function parseStrictJson(bytes: Buffer): Json {
  const value = parseForeignJson(bytes);
  checkCharacters(value);
  return value;
}

/** The same of what somebody else's system has made, who can't be told to write it otherwise: half a character becomes U+FFFD. */
export function parseWebhookJson(bytes: Buffer): Json {
  const value = parseForeignJson(bytes);
  return isWellFormed(value) ? value : repaired(value);
}

function parseForeignJson(bytes: Buffer): Json {
  if (bytes.length === 0) throw malformed('The body is empty; a JSON object was expected.');
  if (!isUtf8(bytes)) throw malformed('The body is not valid UTF-8.');
  const text = bytes.toString();
  const shape = scan(text);
  if (shape.depth > depthLimit) throw malformed(`The body is nested deeper than ${depthLimit} levels.`);
  const value = parse(text);
  if (countMembers(value) !== shape.members) throw malformed(duplicateMessage(text));
  return value;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw malformed(`The body is not valid JSON: ${messageOf(error)}.`);
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** How deep a text nests, and how many members its objects have (each has one colon outside strings). */
function scan(text: string): { depth: number; members: number } {
  let depth = 0;
  let open = 0;
  let members = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === quote) at = endOfString(text, at);
    else if (unit === 0x3a /* : */) members++;
    else if (unit === 0x7b /* { */ || unit === 0x5b /* [ */) depth = Math.max(depth, ++open);
    else if (unit === 0x7d /* } */ || unit === 0x5d /* ] */) open--;
  }
  return { depth, members };
}

/** The place of the quote that closes the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === backslash) at++;
    else if (unit === quote) return at;
  }
  return text.length;
}

function countMembers(value: unknown): number {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw malformed(
      'The body has a number that is too large (about 1.8e308 is the most). Send it as a string.',
    );
  }
  if (typeof value !== 'object' || value === null) return 0;
  const values = Object.values(value);
  let members = Array.isArray(value) ? 0 : values.length;
  for (const inner of values) members += countMembers(inner);
  return members;
}

function isWellFormed(value: Json): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isWellFormed);
  return Object.entries(value).every(([name, inner]) => name.isWellFormed() && isWellFormed(inner as Json));
}

/** `JSON.stringify` writes an escape for half a character and for no other of this range. */
function repaired(value: Json): Json {
  const halves = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;
  return JSON.parse(JSON.stringify(value).replace(halves, '$1\ufffd')) as Json;
}

function checkCharacters(value: Json): void {
  if (isWellFormed(value)) return;
  throw malformed(
    'The body has half of a surrogate pair in a text (such as \\ud800). Send whole characters.',
  );
}

/** Names the first member that comes twice; only looked for once it is known that there is one. */
function duplicateMessage(text: string): string {
  const names: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{' || character === '[') names.push(new Set());
    else if (character === '}' || character === ']') names.pop();
    else if (character === '"') {
      const end = endOfString(text, at);
      const name = JSON.parse(text.slice(at, end + 1)) as string;
      at = end;
      if (!/^\s*:/.test(text.slice(end + 1, end + 64))) continue;
      if (names.at(-1)?.has(name))
        return `The name ${JSON.stringify(name.slice(0, 80))} comes twice in one object.`;
      names.at(-1)?.add(name);
    }
  }
  return 'A name comes twice in one object.';
}

const malformed = (message: string) => new SignalboxError('malformed_request', message);
