import type { CanonicalColumn, CanonicalTable } from '../canonical.ts';
import { quoteName } from '../layout.ts';
import { canonicalTables } from '../schema.ts';
import { nearMatches } from './near.ts';
import type { ReferenceReport, UnmatchedValue } from './report.ts';
import type { Sql } from './sql-reader.ts';

/**
 * Reference columns hold ids. What a file gave as a name becomes the id where exactly one row has that name; anything else
 * stays as it is, to be matched when the other table arrives, and is reported.
 */

/** The most frequent unmatched values that are reported with their near matches. */
const reportedValues = 20;

const plainSql = (text: string) => `lower(regexp_replace(trim(${text}), '\\s+', ' ', 'g'))`;

export async function resolveReferences(sql: Sql): Promise<readonly ReferenceReport[]> {
  const reports: ReferenceReport[] = [];
  for (const table of canonicalTables)
    for (const column of table.columns) {
      const target = canonicalTables.find((candidate) => candidate.name === column.references);
      if (target === undefined || (await isUnused(sql, table, column))) continue;
      reports.push(await resolveColumn(sql, table, column, target));
    }
  return reports;
}

async function isUnused(sql: Sql, table: CanonicalTable, column: CanonicalColumn): Promise<boolean> {
  const { n } = await sql.counts(`SELECT count(${column.name}) AS n FROM ${quoteName(table.name)}`);
  return n === 0;
}

async function resolveColumn(
  sql: Sql,
  table: CanonicalTable,
  column: CanonicalColumn,
  target: CanonicalTable,
): Promise<ReferenceReport> {
  await findNames(sql, table, column, target);
  const resolvedRows = await sql.run(`
    UPDATE ${quoteName(table.name)} SET ${column.name} = _names.id FROM _names
    WHERE ${quoteName(table.name)}.${column.name} = _names.value AND _names.matches = 1`);
  const report = await reportOn(sql, table, column, target);
  await sql.run('DROP TABLE _names');
  return { ...report, resolvedRows };
}

/** `_names`: each value that is no id, how many rows of the other table it may name, and the id where it is one. */
async function findNames(
  sql: Sql,
  table: CanonicalTable,
  column: CanonicalColumn,
  target: CanonicalTable,
): Promise<void> {
  const [to, id] = [quoteName(target.name), target.idColumn];
  const name = target.nameColumn ?? id;
  const values = `SELECT DISTINCT ${column.name} AS value FROM ${quoteName(table.name)} WHERE ${column.name} IS NOT NULL
    AND ${column.name} NOT IN (SELECT ${id} FROM ${to} WHERE ${id} IS NOT NULL)`;
  const matches = (key: (text: string) => string) =>
    `SELECT ${key('spelling')} AS key, min(id) AS id, count(DISTINCT id) AS matches
     FROM (SELECT ${id} AS id, unnest([${name}, ${id}]) AS spelling FROM ${to}) GROUP BY ALL`;
  await sql.run(`CREATE TEMP TABLE _names AS
    SELECT value, coalesce(exact.id, alike.id) AS id, coalesce(exact.matches, alike.matches, 0) AS matches
    FROM (${values})
    LEFT JOIN (${matches((text) => text)}) AS exact ON exact.key = value
    LEFT JOIN (${matches(plainSql)}) AS alike ON alike.key = ${plainSql('value')}`);
}

async function reportOn(
  sql: Sql,
  table: CanonicalTable,
  column: CanonicalColumn,
  target: CanonicalTable,
): Promise<Omit<ReferenceReport, 'resolvedRows'>> {
  const from = `${quoteName(table.name)} JOIN _names ON ${column.name} = value`;
  const totals = await sql.counts(`
    SELECT (SELECT count(*) FROM ${from}) AS unmatched_rows, (SELECT count(*) FROM _names WHERE matches <> 1) AS unmatched_values,
      (SELECT count(*) FROM ${quoteName(table.name)} WHERE ${column.name} IS NULL) AS empty_rows,
      (SELECT count(*) FROM ${quoteName(target.name)}) AS target_rows`);
  const { unmatched_rows = 0, unmatched_values = 0, empty_rows = 0, target_rows = 0 } = totals;
  return {
    table: table.name,
    column: column.name,
    references: target.name,
    emptyRows: empty_rows,
    unmatchedRows: unmatched_rows,
    unmatchedValues: unmatched_values,
    unmatched: target_rows === 0 || unmatched_rows === 0 ? [] : await unmatchedOf(sql, from, target),
    nothingToMatch: target_rows === 0,
  };
}

async function unmatchedOf(
  sql: Sql,
  from: string,
  target: CanonicalTable,
): Promise<readonly UnmatchedValue[]> {
  const frequent = await sql.rows(
    `SELECT value, matches, count(*) AS n FROM ${from} GROUP BY ALL ORDER BY n DESC, value LIMIT ${reportedValues}`,
  );
  const names = await sql.rows(
    `SELECT DISTINCT ${target.nameColumn ?? target.idColumn} AS name FROM ${quoteName(target.name)} ORDER BY 1 LIMIT 20000`,
  );
  const candidates = names.flatMap((row) => (row.name == null ? [] : [row.name]));
  return frequent.map((row) => ({
    value: row.value ?? '',
    rows: Number(row.n),
    near: nearMatches(row.value ?? '', candidates),
    ambiguous: Number(row.matches) > 1,
  }));
}
