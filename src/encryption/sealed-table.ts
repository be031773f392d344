import { type Content, keyIdOf, type Place } from './content.ts';

/** How a column holds content: as JSON, as any text, or as an error of which the code stays, by which it is looked for. */
export type Kind = 'json' | 'text' | 'error';

/** A table with content, the same in every database that has it. */
export interface SealedTable<Column extends string = string> {
  readonly name: string;
  /** The columns that make out a row. */
  readonly row: readonly string[];
  readonly columns: Readonly<Record<Column, Kind>>;
  /** The same as pairs; and those alone that can differ from what they stand for without any key. */
  readonly entries: readonly (readonly [string, Kind])[];
  readonly texts: readonly (readonly [string, Kind])[];
}

export function sealedTable<Column extends string>(
  name: string,
  row: readonly string[],
  columns: Readonly<Record<Column, Kind>>,
): SealedTable<Column> {
  const entries = Object.entries<Kind>(columns);
  return { name, row, columns, entries, texts: entries.filter(([, kind]) => kind === 'text') };
}

/** A value for the disk. */
export function sealValue<Column extends string, Text extends string | null>(
  content: Content,
  table: SealedTable<Column>,
  column: Column,
  text: Text,
  ...row: (string | number)[]
): Text {
  if (text === null) return text;
  return writers[table.columns[column]](content, text, placeOf(table, column, row)) as Text;
}

/** A value from the disk. Throws `value_unreadable`, `encryption_key_missing`. */
export function openValue<Column extends string>(
  content: Content,
  table: SealedTable<Column>,
  column: Column,
  text: string,
  ...row: (string | number)[]
): string {
  return readers[table.columns[column]](content, text, placeOf(table, column, row));
}

/** The key that a value on the disk is under; undefined: none. */
export const keyOfValue = (kind: Kind, text: string): string | undefined =>
  keyIdOf(kind === 'error' ? (sealedError.exec(text)?.[1] ?? '') : text);

/**
 * A row of which each sealed value is opened when somebody looks at it, for rows that are read for their status far more often
 * than for their content. Again, it changes nothing.
 */
export function openRow<Row extends object>(content: Content, table: SealedTable, row: Row): Row {
  if (opened.has(row)) return row;
  const values = row as Record<string, unknown>;
  for (const [column, kind] of content.keyIds.length > 0 ? table.entries : table.texts) {
    const text = values[column];
    if (typeof text === 'string' && isWritten(kind, text)) {
      openLater(content, table, values, column, text);
      opened.add(row);
    }
  }
  return row;
}

/** A text that was opened may look like one that is sealed: whoever asked wrote it so. It is not opened again. */
const opened = new WeakSet<object>();

/** Whether it is another text than the one that it stands for. */
const isWritten = (kind: Kind, text: string): boolean =>
  kind === 'text' ? text.startsWith('$sb') : keyOfValue(kind, text) !== undefined;

function openLater(
  content: Content,
  table: SealedTable,
  values: Record<string, unknown>,
  column: string,
  text: string,
): void {
  const row = table.row.map((name) => values[name] as string | number);
  const get = () => {
    const value = openValue(content, table, column, text, ...row);
    Object.defineProperty(values, column, { value, enumerable: true, configurable: true });
    return value;
  };
  Object.defineProperty(values, column, { get, enumerable: true, configurable: true });
}

const placeOf = ({ name }: SealedTable, column: string, row: readonly (string | number)[]): Place => [
  `${name}.${column}`,
  ...row,
];

const sealedError = /^\{"code":"\w+","sealed":("[^"]+")\}$/;

type Change = (content: Content, text: string, place: Place) => string;

const writers: Readonly<Record<Kind, Change>> = {
  json: (content, text, place) => content.sealJson(text, place),
  text: (content, text, place) => content.sealText(text, place),
  error(content, text, place) {
    if (content.keyId === undefined) return text;
    const { code } = JSON.parse(text) as { code: string };
    return `{"code":${JSON.stringify(code)},"sealed":${content.sealJson(text, place)}}`;
  },
};

const readers: Readonly<Record<Kind, Change>> = {
  json: (content, text, place) => content.openJson(text, place),
  text: (content, text, place) => content.openText(text, place),
  error(content, text, place) {
    const sealed = sealedError.exec(text)?.[1];
    return sealed === undefined ? text : content.openJson(sealed, place);
  },
};
