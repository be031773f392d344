import { messageOf, SignalboxError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { parseStrictJson } from '../core/strict-json.ts';
import { parseSource, type Source } from './source.ts';

/** Where secrets are that a file of sources names. Undefined for what is not there. */
export interface SecretPlaces {
  readonly variable: (name: string) => string | undefined;
  /** Throws when it can't be read. */
  readonly file: (path: string) => string;
}

/**
 * Reads sources from a file: an object of their names, each with what `PUT /sources/{source}` takes, except that a secret is
 * named by the variable or the file that holds it: `{ "variable": "GITHUB_SECRET" }`, `{ "file": "/run/secrets/github" }`, with
 * `label` and dates beside it. Throws `config_invalid` with a line for each source that can't be used, never with a secret.
 */
export function parseSourcesFile(path: string, bytes: Buffer, places: SecretPlaces): readonly Source[] {
  const named = parse(path, bytes);
  const problems: string[] = [];
  const sources = Object.entries(named).flatMap(([name, body]) => {
    try {
      return { ...parseSource(name, withSecrets(body, places)), origin: 'file' as const };
    } catch (error) {
      if (!(error instanceof SignalboxError)) throw error;
      const said = error.message.replace(/^The source ".*?" cannot be used: /, '');
      problems.push(`${path}:${lineOf(bytes, name)}: ${JSON.stringify(name)}: ${said}`);
      return [];
    }
  });
  if (problems.length === 0) return sources;
  throw invalid(problems.join('\n'));
}

function parse(path: string, bytes: Buffer): JsonObject {
  let value: Json;
  try {
    value = parseStrictJson(bytes);
  } catch (error) {
    throw invalid(`${path}: ${messageOf(error).replace('The body', 'It')}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw invalid(`${path}: an object is expected that has the sources by their names.`);
}

const invalid = (problem: string) =>
  new SignalboxError('config_invalid', `SIGNALBOX_SOURCES cannot be used. ${problem}`);

/** Of the first place where the name stands as one of a member. */
function lineOf(bytes: Buffer, name: string): number {
  const escaped = JSON.stringify(name).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const text = bytes.toString();
  const at = new RegExp(`${escaped}\\s*:`).exec(text)?.index ?? 0;
  return text.slice(0, at).split('\n').length;
}

function withSecrets(body: Json | undefined, places: SecretPlaces): Json | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const { secrets, options, ...rest } = body as JsonObject;
  return {
    ...rest,
    ...(options !== undefined && { options: withToken(options, places) }),
    ...(secrets !== undefined && {
      secrets: Array.isArray(secrets)
        ? secrets.map((secret: Json, index) => resolved(secret, `/secrets/${index}`, places))
        : secrets,
    }),
  };
}

/** The verify token is kept as the secrets are. */
function withToken(options: Json, places: SecretPlaces): Json {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return options;
  const { verify_token: token, ...rest } = options as JsonObject;
  if (token === undefined) return options;
  const { secret, ...beside } = resolved(token, '/options/verify_token', places);
  const [more] = Object.keys(beside);
  if (more === undefined) return { ...rest, verify_token: secret! };
  throw fault('/options/verify_token', 'must have "variable" or "file" alone');
}

function resolved(secret: Json, path: string, places: SecretPlaces): JsonObject {
  if (typeof secret !== 'object' || secret === null || Array.isArray(secret) || 'secret' in secret) {
    throw fault(path, 'must name where the secret is, with "variable" or "file": none is kept in this file');
  }
  const { variable, file, ...rest } = secret as JsonObject;
  if ((variable === undefined) === (file === undefined)) {
    throw fault(path, 'must have either "variable" or "file"');
  }
  const value =
    variable === undefined
      ? fromFile(path, file, places)
      : typeof variable === 'string'
        ? places.variable(variable)
        : undefined;
  if (value === undefined || value === '') {
    throw fault(path, `names the variable ${JSON.stringify(variable)}, which is not set`);
  }
  return { ...rest, secret: value };
}

/** Without the end of line that editors and tools put there. */
function fromFile(path: string, file: Json | undefined, places: SecretPlaces): string {
  if (typeof file !== 'string') throw fault(path, 'must have the path of a file as "file"');
  let text: string;
  try {
    text = places.file(file).replace(/\r?\n$/, '');
  } catch (error) {
    throw fault(path, `names the file ${JSON.stringify(file)}, which cannot be read: ${messageOf(error)}`);
  }
  if (text === '') throw fault(path, `names the file ${JSON.stringify(file)}, which is empty`);
  return text;
}

const fault = (path: string, message: string) =>
  new SignalboxError('invalid_request', `${path} ${message}.`, { fields: [{ path, message }] });
