import type { CanonicalTable, TableName } from '../canonical.ts';
import { quoteName, quoteText, sourceColumn, sqlTypeOf } from '../layout.ts';
import { footerSql } from './cells.ts';
import { type ColumnPlan, cellsTable } from './column-plan.ts';
import type { Sql } from './sql-reader.ts';
import type { StagedFile } from './stage.ts';

/** Puts the staged cells into their table; what cannot go there is told with its row and the reason. */

export interface TableTarget {
  readonly name: string;
  readonly table: CanonicalTable | undefined;
  /** What the rows are marked with, and what an earlier load of the same file was marked with. */
  readonly source: string;
  /** Empties the table first. */
  readonly replace: boolean;
}

export interface WriteResult {
  readonly rowsLoaded: number;
  readonly rowsReplaced: number;
  readonly rowsRemoved: number;
  readonly idFrom: string;
  readonly rejected: readonly { readonly row: number; readonly reason: string }[];
}

const typedTable = '_typed';
const goodTable = '_good';

export async function writeTable(
  sql: Sql,
  target: TableTarget,
  staged: StagedFile,
  plans: readonly ColumnPlan[],
): Promise<WriteResult> {
  const identity = target.table === undefined ? undefined : identityOf(target.table, plans);
  await sql.run(`DROP TABLE IF EXISTS ${typedTable}; DROP TABLE IF EXISTS ${goodTable}`);
  await sql.run(typedSql(plans, identity));
  await sql.run(goodSql(identity));
  const rejected = await rejectedRows(sql, identity, staged);
  const { n: rowsLoaded = 0 } = await sql.counts(`SELECT count(*) AS n FROM ${goodTable}`);
  const changes = await putInto(sql, target, plans, identity);
  await sql.run(`DROP TABLE ${typedTable}; DROP TABLE ${goodTable}`);
  return { rowsLoaded, ...changes, idFrom: identity?.told ?? 'none', rejected };
}

interface Identity {
  readonly column: string;
  /** Over the typed columns. */
  readonly sql: string;
  /** Over the typed columns: how often the same generated id came before. */
  readonly numbered: boolean;
  readonly told: string;
}

/** Tables whose rows people know by name; a row without an id is its name. */
const named = new Set<TableName>(['accounts', 'products', 'owners']);
/** What makes a row of the other tables that row, so that the same row has the same id in the next export. */
const natural: Readonly<Partial<Record<TableName, readonly string[]>>> = {
  opportunities: ['name', 'account_id', 'owner_id', 'product_id', 'created_date'],
  usage: ['account_id', 'product_id', 'usage_date'],
  leads: ['email', 'name', 'company'],
  calls: ['account_id', 'opportunity_id', 'call_date', 'subject'],
};

function identityOf(table: CanonicalTable, plans: readonly ColumnPlan[]): Identity {
  const has = (name: string) => plans.some((plan) => plan.column === name);
  const given = has(table.idColumn) ? quoteName(table.idColumn) : 'NULL';
  if (named.has(table.name) && has('name'))
    return {
      column: table.idColumn,
      sql: `coalesce(${given}, "name")`,
      numbered: false,
      told: has(table.idColumn) ? table.idColumn : 'its name',
    };
  const natives = (natural[table.name] ?? []).filter(has);
  const parts = natives.length > 0 ? natives : plans.map((plan) => plan.column);
  const hash = `md5(concat_ws(chr(31), ${parts.map((part) => `coalesce(${quoteName(part)}::VARCHAR, '')`).join(', ')}))`;
  return {
    column: table.idColumn,
    sql: `coalesce(${given}, ${quoteText(`${table.entity}-`)} || left(${hash}, 16))`,
    numbered: !has(table.idColumn),
    told: has(table.idColumn) ? table.idColumn : `made from ${parts.join(', ')}`,
  };
}

const articles: Readonly<Record<string, string>> = {
  number: 'a number',
  date: 'a date',
  timestamp: 'a time',
  boolean: 'yes or no',
};

function typedSql(plans: readonly ColumnPlan[], identity: Identity | undefined): string {
  const columns = plans.map((plan) => `${plan.valueSql} AS ${quoteName(plan.column)}`);
  const failures = plans
    .filter((plan) => plan.failsSql !== undefined)
    .map(({ failsSql, mapping, type }) => {
      const [before, after] = [`${mapping.heading}: "`, `" is not ${articles[type]}`].map(quoteText);
      return `CASE WHEN ${failsSql} THEN ${before} || left(_${mapping.at}, 80) || ${after} END`;
    });
  const cells = plans.map((plan) => `_${plan.mapping.at}`);
  const empty = `CASE WHEN coalesce(${cells.join(', ')}) IS NULL THEN 'every cell is empty'
    WHEN ${footerSql(cells)} THEN 'it is a line of totals or a footnote' END`;
  const typed = `SELECT _row, ${columns.join(', ')}, concat_ws('; ', ${[empty, ...failures].join(', ')}) AS _reason FROM ${cellsTable}`;
  if (identity === undefined) return `CREATE TEMP TABLE ${typedTable} AS ${typed}`;
  const numbered = identity.numbered
    ? `_id || CASE WHEN row_number() OVER (PARTITION BY _id ORDER BY _row) > 1 THEN '-' || row_number() OVER (PARTITION BY _id ORDER BY _row) ELSE '' END`
    : '_id';
  return `CREATE TEMP TABLE ${typedTable} AS SELECT * EXCLUDE (_id), ${numbered} AS _id FROM (SELECT *, ${identity.sql} AS _id FROM (${typed}))`;
}

/** Of rows with the same id the last one counts. */
function goodSql(identity: Identity | undefined): string {
  const good = `SELECT * FROM ${typedTable} WHERE _reason = ''`;
  if (identity === undefined) return `CREATE TEMP TABLE ${goodTable} AS ${good}`;
  return `CREATE TEMP TABLE ${goodTable} AS ${good} AND _id IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY _id ORDER BY _row DESC) = 1`;
}

async function rejectedRows(
  sql: Sql,
  identity: Identity | undefined,
  staged: StagedFile,
): Promise<WriteResult['rejected']> {
  const unreadable = await sql.rows(
    `SELECT _row, _reason FROM ${typedTable} WHERE _reason <> '' ORDER BY _row`,
  );
  const rejected = unreadable.map((row) => ({ row: Number(row._row), reason: row._reason ?? '' }));
  if (identity === undefined) return rejected;
  const nameless = await sql.rows(
    `SELECT _row FROM ${typedTable} WHERE _reason = '' AND _id IS NULL ORDER BY _row`,
  );
  const repeated = await sql.rows(`
    SELECT typed._row, good._row AS kept FROM ${typedTable} AS typed JOIN ${goodTable} AS good USING (_id)
    WHERE typed._reason = '' AND typed._row <> good._row ORDER BY typed._row`);
  return [
    ...rejected,
    ...nameless.map((row) => ({
      row: Number(row._row),
      reason: `it has neither ${identity.column} nor name`,
    })),
    ...repeated.map((row) => ({
      row: Number(row._row),
      reason: `it has the same ${identity.told === 'its name' ? 'name' : identity.column} as line ${staged.lineOf(Number(row.kept))}, which was kept`,
    })),
  ];
}

async function putInto(
  sql: Sql,
  target: TableTarget,
  plans: readonly ColumnPlan[],
  identity: Identity | undefined,
): Promise<{ rowsReplaced: number; rowsRemoved: number }> {
  const name = quoteName(target.name);
  if (identity === undefined) {
    const rowsRemoved = await createOwnTable(sql, target, plans);
    await insert(sql, target, plans, undefined);
    return { rowsReplaced: 0, rowsRemoved };
  }
  await addColumns(sql, target.name, plans);
  const id = quoteName(identity.column);
  const rowsReplaced = await sql.run(`DELETE FROM ${name} WHERE ${id} IN (SELECT _id FROM ${goodTable})`);
  const earlier = target.replace ? '' : ` WHERE ${sourceColumn} = ${quoteText(target.source)}`;
  const rowsRemoved = await sql.run(`DELETE FROM ${name}${earlier}`);
  await insert(sql, target, plans, identity);
  return { rowsReplaced, rowsRemoved };
}

function insert(sql: Sql, target: TableTarget, plans: readonly ColumnPlan[], identity: Identity | undefined) {
  const columns = plans
    .filter((plan) => plan.column !== identity?.column)
    .map((plan) => quoteName(plan.column));
  const id = identity === undefined ? [] : [`_id AS ${quoteName(identity.column)}`];
  const selected = [...id, ...columns, `${quoteText(target.source)} AS ${sourceColumn}`];
  return sql.run(
    `INSERT INTO ${quoteName(target.name)} BY NAME SELECT ${selected.join(', ')} FROM ${goodTable} ORDER BY _row`,
  );
}

/** A table that only this file has is made anew each time. */
async function createOwnTable(sql: Sql, target: TableTarget, plans: readonly ColumnPlan[]): Promise<number> {
  const name = quoteName(target.name);
  const columns = plans.map((plan) => `${quoteName(plan.column)} ${sqlTypeOf(plan.type)}`);
  await sql.run(`CREATE TABLE IF NOT EXISTS ${name} (${sourceColumn} VARCHAR)`);
  const { n: rowsRemoved = 0 } = await sql.counts(`SELECT count(*) AS n FROM ${name}`);
  await sql.run(
    `DROP TABLE ${name}; CREATE TABLE ${name} (${[...columns, `${sourceColumn} VARCHAR`].join(', ')})`,
  );
  return rowsRemoved;
}

/** Columns of the file that the table does not have yet; one that had another type becomes text. */
async function addColumns(sql: Sql, table: string, plans: readonly ColumnPlan[]): Promise<void> {
  const name = quoteName(table);
  const present = await sql.rows(
    `SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'main' AND table_name = ${quoteText(table)}`,
  );
  const types = new Map(present.map((column) => [column.column_name, column.data_type]));
  if (!types.has(sourceColumn)) await sql.run(`ALTER TABLE ${name} ADD COLUMN ${sourceColumn} VARCHAR`);
  for (const plan of plans) {
    const type = sqlTypeOf(plan.type);
    const column = quoteName(plan.column);
    if (!types.has(plan.column)) await sql.run(`ALTER TABLE ${name} ADD COLUMN ${column} ${type}`);
    else if (types.get(plan.column) !== type && plan.mapping.canonical === undefined)
      await sql.run(`ALTER TABLE ${name} ALTER ${column} TYPE VARCHAR`);
  }
}
