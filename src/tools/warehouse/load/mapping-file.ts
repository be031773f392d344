import { readFile } from 'node:fs/promises';
import { messageOf, SignalboxError } from '../../../core/errors.ts';
import { normalizeHeading } from './headings.ts';

export type DateOrder = 'day first' | 'month first';

export interface FileInstructions {
  readonly table?: string;
  /** By normalised heading: the column that it is, or null to leave it out. */
  readonly columns: ReadonlyMap<string, string | null>;
  readonly dates?: DateOrder;
}

export interface Mapping {
  /** By file name, without folder, in lower case. */
  readonly files: ReadonlyMap<string, FileInstructions>;
  /** By normalised name of a heading or column: what to read instead of a value. */
  readonly values: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export const emptyMapping: Mapping = { files: new Map(), values: new Map() };

const invalid = (where: string, seen: unknown, expected: string) =>
  new SignalboxError(
    'mapping_invalid',
    `${where} is ${JSON.stringify(seen)}. Expected ${expected}; see "The mapping file" in docs/guides/your-own-data.md.`,
  );

/** Reads a mapping from YAML or JSON (which is YAML too). */
export async function readMapping(path: string): Promise<Mapping> {
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new SignalboxError('mapping_invalid', `${path} could not be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return parseMapping(document);
}

function parseMapping(document: unknown): Mapping {
  const { files, values } = object('The mapping', document ?? {}, ['files', 'values']);
  return {
    files: new Map(
      Object.entries(object('files', files ?? {})).map(([name, one]) => [
        name.toLowerCase(),
        fileInstructions(`files.${name}`, one),
      ]),
    ),
    values: new Map(
      Object.entries(object('values', values ?? {})).map(([name, one]) => [
        normalizeHeading(name),
        valueMap(`values.${name}`, one),
      ]),
    ),
  };
}

function object(
  where: string,
  seen: unknown,
  allowed?: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof seen !== 'object' || seen === null || Array.isArray(seen))
    throw invalid(where, seen, 'names with values below them');
  const stranger = Object.keys(seen).find((key) => allowed !== undefined && !allowed.includes(key));
  if (stranger !== undefined) throw invalid(`A key of ${where}`, stranger, (allowed ?? []).join(', '));
  return seen as Readonly<Record<string, unknown>>;
}

function fileInstructions(where: string, seen: unknown): FileInstructions {
  const { table, columns, dates } = object(where, seen, ['table', 'columns', 'dates']);
  if (table !== undefined && (typeof table !== 'string' || normalizeHeading(table) !== table))
    throw invalid(`${where}.table`, table, 'a name of small letters, digits and underscores');
  if (dates !== undefined && dates !== 'day first' && dates !== 'month first')
    throw invalid(`${where}.dates`, dates, '"day first" or "month first"');
  return {
    columns: columnMap(`${where}.columns`, columns ?? {}),
    ...(table !== undefined && { table }),
    ...(dates !== undefined && { dates }),
  };
}

function columnMap(where: string, seen: unknown): ReadonlyMap<string, string | null> {
  const targets = new Set<string>();
  return new Map(
    Object.entries(object(where, seen)).map(([heading, target]) => {
      if (target === null) return [normalizeHeading(heading), null];
      if (typeof target !== 'string' || normalizeHeading(target) !== target || target === '')
        throw invalid(`${where}.${heading}`, target, 'a column name, or null to leave the column out');
      if (targets.has(target)) throw invalid(`${where}.${heading}`, target, 'each column once');
      targets.add(target);
      return [normalizeHeading(heading), target];
    }),
  );
}

function valueMap(where: string, seen: unknown): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(object(where, seen)).map(([from, to]) => {
      if (typeof to !== 'string' && typeof to !== 'number' && typeof to !== 'boolean')
        throw invalid(`${where}.${from}`, to, 'the text to read instead');
      return [from.trim(), String(to)];
    }),
  );
}
