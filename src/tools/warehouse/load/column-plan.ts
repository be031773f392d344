import { quoteText } from '../layout.ts';
import type { ColumnType } from '../schema.ts';
import {
  bareNumberSql,
  booleanSql,
  type DateForm,
  type DecimalMark,
  dateForms,
  dateSql,
  knownSql,
  momentSql,
  numberForms,
  numberSql,
  numericParts,
  plainNumberSql,
} from './cells.ts';
import type { ColumnMapping } from './column-mapping.ts';
import type { DateOrder } from './mapping-file.ts';
import type { Sql } from './sql-reader.ts';

/** How the cells of one column are read. */
export interface ColumnPlan {
  readonly mapping: ColumnMapping;
  readonly column: string;
  readonly type: ColumnType;
  /** The value of a cell; null for an empty cell and for one that cannot be read. */
  readonly valueSql: string;
  /** True for a cell that should have a value and has none that can be read. */
  readonly failsSql: string | undefined;
  readonly filled: number;
  readonly note: string | undefined;
}

/** What may be known from elsewhere. */
export interface PlanHints {
  readonly dates: DateOrder | undefined;
  /** The file is cut by semicolons, as programs do where the comma is the decimal mark. */
  readonly semicolons: boolean;
}

/** Beyond this share of unreadable cells a column is not what its name says, and is kept as text. */
const maximumUnreadable = 0.5;

const noHints: PlanHints = { dates: undefined, semicolons: false };

export const cellsTable = '_cells';
const cellOf = (mapping: ColumnMapping) => `_${mapping.at}`;
const form = (text: string, pattern: string) => `regexp_full_match(${text}, ${quoteText(pattern)})`;

export async function planColumns(
  sql: Sql,
  mappings: readonly ColumnMapping[],
  hints: PlanHints,
): Promise<readonly ColumnPlan[]> {
  const plans: ColumnPlan[] = [];
  const wanted = mappings.filter((mapping) => mapping.column !== undefined);
  // The days of all columns first, so that one that could be read either way follows one that could not.
  const evidence = await Promise.all(wanted.map((mapping) => dateEvidence(sql, mapping)));
  const dates = hints.dates ?? agreedOrder(evidence);
  for (const mapping of wanted) plans.push(await planColumn(sql, mapping, { ...hints, dates }));
  return plans;
}

async function planColumn(sql: Sql, mapping: ColumnMapping, hints: PlanHints): Promise<ColumnPlan> {
  const type = mapping.canonical?.type ?? (await likelyType(sql, cellOf(mapping)));
  const plan = await planAs(sql, mapping, type, hints);
  if (plan.failsSql === undefined) return plan;
  const { n: failing = 0 } = await sql.counts(
    `SELECT count(*) AS n FROM ${cellsTable} WHERE ${plan.failsSql}`,
  );
  const tolerated = mapping.canonical === undefined ? 0 : plan.filled * maximumUnreadable;
  return failing <= tolerated ? plan : demote(sql, plan, failing);
}

/** A column whose cells are not what was expected stays readable as text, under a name that promises nothing. */
async function demote(sql: Sql, plan: ColumnPlan, failing: number): Promise<ColumnPlan> {
  const { mapping } = plan;
  if (mapping.canonical === undefined) return planAs(sql, mapping, 'text', noHints);
  const [example] = await sql.rows(
    `SELECT ${cellOf(mapping)} AS cell FROM ${cellsTable} WHERE ${plan.failsSql} LIMIT 1`,
  );
  const column = `${plan.column}_text`;
  const note = `${failing} of ${plan.filled} cells are no ${plan.type} (such as "${example?.cell}"): kept as text in ${column}`;
  const text = await planAs(sql, { ...mapping, column, canonical: undefined, by: 'kept' }, 'text', noHints);
  return { ...text, note };
}

async function planAs(
  sql: Sql,
  mapping: ColumnMapping,
  type: ColumnType,
  hints: PlanHints,
): Promise<ColumnPlan> {
  const cell = cellOf(mapping);
  const text = type === 'text' ? cell : knownSql(cell);
  const { filled = 0 } = await sql.counts(`SELECT count(${text}) AS filled FROM ${cellsTable}`);
  const { valueSql, note } = await readerOf(sql, type, cell, hints);
  const value = type === 'text' ? cell : `CASE WHEN ${text} IS NOT NULL THEN ${valueSql} END`;
  return {
    mapping,
    column: mapping.column as string,
    type,
    valueSql: value,
    failsSql: type === 'text' ? undefined : `(${text} IS NOT NULL AND (${valueSql}) IS NULL)`,
    filled,
    note,
  };
}

interface Reader {
  readonly valueSql: string;
  readonly note?: string | undefined;
}

async function readerOf(sql: Sql, type: ColumnType, cell: string, hints: PlanHints): Promise<Reader> {
  switch (type) {
    case 'number':
      return numberReader(sql, cell, hints);
    case 'date':
      return dateReader(sql, cell, hints);
    case 'timestamp':
      return { valueSql: momentSql(cell) };
    case 'boolean':
      return { valueSql: booleanSql(cell) };
    default:
      return { valueSql: cell };
  }
}

/** What a column without a type of its own looks like; the whole column is checked afterwards. */
async function likelyType(sql: Sql, cell: string): Promise<ColumnType> {
  const day = `coalesce(${Object.values(dateForms)
    .map((pattern) => form('t', pattern))
    .join(' OR ')})`;
  const bare = bareNumberSql('t');
  const counts = await sql.counts(`
    SELECT count(*) AS n, count(${booleanSql('t')}) AS boolean, count(${momentSql('t')}) AS timestamp,
      count_if(${day} AND NOT ${form('t', '\\d+')} AND NOT regexp_matches(t, '\\d:\\d')) AS date,
      count_if((${form(bare, numberForms.point)} OR ${form(bare, numberForms.comma)}) AND regexp_matches(t, '\\d')
        AND NOT regexp_matches(t, '^0\\d|^[+]') AND length(t) < 16) AS number
    FROM (SELECT ${cell} AS t FROM ${cellsTable} WHERE ${cell} IS NOT NULL LIMIT 1000)`);
  const types = ['boolean', 'timestamp', 'date', 'number'] as const;
  return types.find((type) => (counts.n ?? 0) > 0 && counts[type] === counts.n) ?? 'text';
}

async function numberReader(sql: Sql, cell: string, hints: PlanHints): Promise<Reader> {
  const bare = bareNumberSql(knownSql(cell));
  const thousands = form(cell, '-?\\d{1,3}[.]\\d{3}');
  const evidence = await sql.counts(`
    SELECT count(${knownSql(cell)}) AS filled, count(${plainNumberSql(knownSql(cell))}) AS plain,
      count_if(${thousands}) AS dotted, count_if(${cell} LIKE '%.%' AND NOT ${thousands}) AS fractions
    FROM ${cellsTable}`);
  const isPlain = evidence.plain === evidence.filled;
  if (isPlain && hints.semicolons && (evidence.dotted ?? 0) > 0 && evidence.fractions === 0)
    return {
      valueSql: numberSql(cell, 'comma'),
      note: 'the point was taken for a separator of thousands, because the file is cut by semicolons',
    };
  if (isPlain) return { valueSql: plainNumberSql(cell) };
  const marks = await sql.counts(`
    SELECT count_if(${form('b', '.*\\d[.]\\d{3},\\d.*|[^.]*,(\\d{1,2}|\\d{4,})\\D*|\\D*\\d{1,3}([.]\\d{3}){2,}\\D*')}) AS comma,
      count_if(${form('b', '.*\\d,\\d{3}[.]\\d.*|[^,]*[.](\\d{1,2}|\\d{4,})\\D*|\\D*\\d{1,3}(,\\d{3}){2,}\\D*')}) AS point
    FROM (SELECT ${bare} AS b FROM ${cellsTable})`);
  const mark = decimalMark(marks.point ?? 0, marks.comma ?? 0, hints.semicolons);
  return {
    valueSql: numberSql(cell, mark),
    note: mark === 'comma' ? 'the comma is the decimal mark' : undefined,
  };
}

/** By majority of what can only be read one way; without any, as the file suggests. */
export function decimalMark(point: number, comma: number, semicolons: boolean): DecimalMark {
  if (point === comma) return semicolons ? 'comma' : 'point';
  return point > comma ? 'point' : 'comma';
}

interface DateEvidence {
  readonly dayFirst: number;
  readonly monthFirst: number;
  readonly either: number;
  readonly dotted: number;
}

const noEvidence: DateEvidence = { dayFirst: 0, monthFirst: 0, either: 0, dotted: 0 };

/** How many cells can only be read day first, only month first, or both ways. */
async function dateEvidence(sql: Sql, mapping: ColumnMapping): Promise<DateEvidence> {
  if (mapping.canonical !== undefined && mapping.canonical.type !== 'date') return noEvidence;
  return evidenceOf(sql, cellOf(mapping));
}

async function evidenceOf(sql: Sql, cell: string): Promise<DateEvidence> {
  const at = (part: number) => `try_cast(regexp_extract(t, ${quoteText(numericParts)}, ${part}) AS INTEGER)`;
  const counts = await sql.counts(`
    SELECT count_if(a > 12 AND b <= 12) AS day_first, count_if(b > 12 AND a <= 12) AS month_first,
      count_if(a <= 12 AND b <= 12 AND a <> b) AS either, count_if(t LIKE '%.%') AS dotted
    FROM (SELECT t, ${at(1)} AS a, ${at(2)} AS b FROM (SELECT ${cell} AS t FROM ${cellsTable} WHERE ${form(cell, dateForms.numeric)}))`);
  const { day_first = 0, month_first = 0, either = 0, dotted = 0 } = counts;
  return { dayFirst: day_first, monthFirst: month_first, either, dotted };
}

/** The order of those columns of a file that can only be read one way, when they agree. */
function agreedOrder(columns: readonly DateEvidence[]): DateOrder | undefined {
  const orders = new Set(
    columns
      .filter((column) => column.dayFirst !== column.monthFirst)
      .map((column): DateOrder => (column.dayFirst > column.monthFirst ? 'day first' : 'month first')),
  );
  return orders.size === 1 ? [...orders][0] : undefined;
}

/** Pure: what 03/04/2026 means in this column, and what to say about it. */
export function decideOrder(
  evidence: DateEvidence,
  fromFile: DateOrder | undefined,
): { readonly order: DateOrder; readonly note?: string } {
  const { dayFirst, monthFirst, either, dotted } = evidence;
  if (dayFirst > 0 && monthFirst > 0) {
    const order = dayFirst > monthFirst ? 'day first' : 'month first';
    return {
      order,
      note: `days and months stand in both orders (${dayFirst} day first, ${monthFirst} month first); read ${order}`,
    };
  }
  if (dayFirst > 0) return { order: 'day first' };
  if (monthFirst > 0) return { order: 'month first' };
  const order = fromFile ?? (dotted > 0 ? 'day first' : 'month first');
  if (either === 0 || fromFile !== undefined) return { order };
  return {
    order,
    note: `ambiguous: all ${either} dates could be day first or month first; read ${order}. Say "dates: day first" or "month first" in a mapping file to settle it`,
  };
}

async function dateReader(sql: Sql, cell: string, hints: PlanHints): Promise<Reader> {
  const text = knownSql(cell);
  const names = Object.keys(dateForms) as DateForm[];
  const plain = await sql.counts(
    `SELECT count(${text}) AS filled, count_if(${form(cell, '\\d{4}-\\d{2}-\\d{2}')}) AS plain FROM ${cellsTable}`,
  );
  if (plain.plain === plain.filled) return { valueSql: `try_cast(${cell} AS DATE)` };
  const found = await sql.counts(
    `SELECT ${names.map((name) => `count_if(${form(cell, dateForms[name])}) AS ${name}`).join(', ')} FROM ${cellsTable}`,
  );
  const forms = names.filter((name) => (found[name] ?? 0) > 0);
  const { order, note } = forms.includes('numeric')
    ? decideOrder(await evidenceOf(sql, cell), hints.dates)
    : { order: 'month first' as const };
  return { valueSql: dateSql(cell, forms, order), note };
}
