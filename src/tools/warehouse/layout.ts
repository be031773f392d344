import type { CanonicalTable, ColumnType } from './canonical.ts';
import { canonicalTables } from './schema.ts';

/**
 * How the canonical schema lies in an SQL database. Every warehouse has all canonical tables with all canonical columns,
 * empty where nothing was loaded, so that SQL against them never fails for a missing name.
 */

/** Where each table came from. */
export const metaTable = 'signalbox_meta';
/** What its `source` says about tables of the demo workspace. */
export const demoSource = 'demo';

/** In every table that was loaded: the file that a row came from. */
export const sourceColumn = 'source_file';

const sqlTypes: Readonly<Record<ColumnType, string>> = {
  text: 'VARCHAR',
  number: 'DOUBLE',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
};

export const sqlTypeOf = (type: ColumnType): string => sqlTypes[type];

/** A name as SQL takes it, whatever is in it. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text as SQL takes it. */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const createTable = (table: CanonicalTable): string =>
  `CREATE TABLE IF NOT EXISTS ${quoteName(table.name)} (${table.columns
    .map((column) => `${quoteName(column.name)} ${sqlTypeOf(column.type)}`)
    .join(', ')})`;

const addColumns = (table: CanonicalTable): readonly string[] =>
  table.columns.map(
    (column) =>
      `ALTER TABLE ${quoteName(table.name)} ADD COLUMN IF NOT EXISTS ${quoteName(column.name)} ${sqlTypeOf(column.type)}`,
  );

const createMeta = `CREATE TABLE IF NOT EXISTS ${metaTable} (
  table_name VARCHAR, source VARCHAR, file_name VARCHAR, loaded_at TIMESTAMP, row_count BIGINT, note VARCHAR)`;

/** Brings an empty or an older warehouse to the canonical schema; what is there stays. */
export const createLayoutSql: readonly string[] = [...canonicalTables.map(createTable), createMeta];
export const upgradeLayoutSql: readonly string[] = [
  ...createLayoutSql,
  ...canonicalTables.flatMap(addColumns),
];
