import type { TableName } from '../../tools/warehouse/canonical.ts';
import { canonicalTables } from '../../tools/warehouse/schema.ts';
import type { TableDescription, Warehouse } from '../../tools/warehouse/warehouse.ts';
import type { ColumnPath } from './semantic-layer/dimensions.ts';
import { parseDay } from './words/calendar.ts';

/** What is filled in: counts per column, first and last dates. One query per table and revision. */
export interface DataProfile {
  rowCount(table: TableName): number;
  /** Rows in which the column has a value; 0 for a column that is not there. */
  filled(path: ColumnPath): number;
  /** First and last day in a date column. */
  span(path: ColumnPath): { readonly first: number; readonly last: number } | undefined;
  /** Whether probabilities run to 1 instead of 100. */
  readonly probabilityIsFraction: boolean;
}

export async function profile(warehouse: Warehouse): Promise<DataProfile> {
  const present = new Map((await warehouse.tables()).map((table) => [table.name, table]));
  const facts = new Map<string, unknown>();
  await Promise.all(
    canonicalTables.map(async ({ name }) => {
      const table = present.get(name);
      if (table && table.rowCount > 0) await measureTable(warehouse, table, facts);
    }),
  );
  const number = (key: string) => Number(facts.get(key) ?? 0);
  return {
    rowCount: (table) => number(table),
    filled: (path) => number(path),
    span: (path) => {
      const [first, last] = [dayIn(facts.get(`${path} first`)), dayIn(facts.get(`${path} last`))];
      return first === undefined || last === undefined ? undefined : { first, last };
    },
    probabilityIsFraction: number('probability') > 0 && number('probability') <= 1,
  };
}

function dayIn(value: unknown): number | undefined {
  return typeof value === 'string' ? parseDay(value.slice(0, 10)) : undefined;
}

async function measureTable(
  warehouse: Warehouse,
  table: TableDescription,
  facts: Map<string, unknown>,
): Promise<void> {
  const known = canonicalTables.find(({ name }) => name === table.name)?.columns ?? [];
  const columns = table.columns.filter(({ name }) => known.some((column) => column.name === name));
  const terms = columns.flatMap(({ name, type }, index) => [
    `count(${table.name}.${name}) AS filled_${index}`,
    ...(type === 'date' || type === 'timestamp'
      ? [`min(${table.name}.${name}) AS first_${index}`, `max(${table.name}.${name}) AS last_${index}`]
      : []),
    ...(name === 'probability' ? [`max(${table.name}.${name}) AS probability`] : []),
  ]);
  const { rows } = await warehouse.query(
    `SELECT ${['count(*) AS total', ...terms].join(', ')} FROM ${table.name}`,
  );
  facts.set(table.name, rows[0]?.total);
  if (rows[0]?.probability !== undefined) facts.set('probability', rows[0].probability);
  for (const [index, { name }] of columns.entries()) {
    facts.set(`${table.name}.${name}`, rows[0]?.[`filled_${index}`]);
    facts.set(`${table.name}.${name} first`, rows[0]?.[`first_${index}`]);
    facts.set(`${table.name}.${name} last`, rows[0]?.[`last_${index}`]);
  }
}
