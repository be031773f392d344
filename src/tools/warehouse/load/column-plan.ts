import type { ColumnType } from '../canonical.ts';
import { quoteText } from '../layout.ts';
import {
  bareNumberSql,
  booleanSql,
  type DateForm,
  type DateOrders,
  type DecimalMark,
  dateForms,
  dateSql,
  dottedSql,
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
  /** What a mapping file says of the file's dates. */
  readonly dates: DateOrder | undefined;
  /** The file is cut by semicolons, as programs do where the comma is the decimal mark. */
  readonly semicolons: boolean;
}

/** Beyond this share of unreadable cells a column is not what its name says, and is kept as text. */
const maximumUnreadable = 0.5;

/** The hints, and what the columns of the file agree on. */
interface Hints extends PlanHints {
  readonly agreed: AgreedOrders;
}

const noHints: Hints = {
  dates: undefined,
  semicolons: false,
  agreed: { dotted: undefined, other: undefined },
};

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
  const agreed = {
    dotted: agreedOrder(evidence.map(({ dotted }) => dotted)),
    other: agreedOrder(evidence.map(({ other }) => other)),
  };
  for (const mapping of wanted) plans.push(await planColumn(sql, mapping, { ...hints, agreed }));
  return plans;
}

async function planColumn(sql: Sql, mapping: ColumnMapping, hints: Hints): Promise<ColumnPlan> {
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

async function planAs(sql: Sql, mapping: ColumnMapping, type: ColumnType, hints: Hints): Promise<ColumnPlan> {
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

async function readerOf(sql: Sql, type: ColumnType, cell: string, hints: Hints): Promise<Reader> {
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

/** How many cells can only be read day first, only month first, or both ways. */
interface DateEvidence {
  readonly dayFirst: number;
  readonly monthFirst: number;
  readonly either: number;
}

/** Apart for days cut by dots and others: 1.3.2026 and 3/1/2026 stand in one column when two programs wrote it. */
interface ColumnEvidence {
  readonly dotted: DateEvidence;
  readonly other: DateEvidence;
}

type AgreedOrders = Readonly<Record<keyof DateOrders, DateOrder | undefined>>;

const noEvidence: DateEvidence = { dayFirst: 0, monthFirst: 0, either: 0 };

async function dateEvidence(sql: Sql, mapping: ColumnMapping): Promise<ColumnEvidence> {
  if (mapping.canonical !== undefined && mapping.canonical.type !== 'date')
    return { dotted: noEvidence, other: noEvidence };
  return evidenceOf(sql, cellOf(mapping));
}

async function evidenceOf(sql: Sql, cell: string): Promise<ColumnEvidence> {
  const at = (part: number) => `try_cast(regexp_extract(t, ${quoteText(numericParts)}, ${part}) AS INTEGER)`;
  const kinds = ['dotted', 'other'] as const;
  const counts = await sql.counts(`
    SELECT ${kinds
      .map((kind) => {
        const own = kind === 'dotted' ? 'dotted' : 'NOT dotted';
        return `count_if(${own} AND a > 12 AND b <= 12) AS ${kind}_day_first, count_if(${own} AND b > 12 AND a <= 12) AS ${kind}_month_first,
      count_if(${own} AND a <= 12 AND b <= 12 AND a <> b) AS ${kind}_either`;
      })
      .join(', ')}
    FROM (SELECT ${dottedSql('t')} AS dotted, ${at(1)} AS a, ${at(2)} AS b
      FROM (SELECT ${cell} AS t FROM ${cellsTable} WHERE ${form(cell, dateForms.numeric)}))`);
  const of = (kind: keyof ColumnEvidence): DateEvidence => ({
    dayFirst: counts[`${kind}_day_first`] ?? 0,
    monthFirst: counts[`${kind}_month_first`] ?? 0,
    either: counts[`${kind}_either`] ?? 0,
  });
  return { dotted: of('dotted'), other: of('other') };
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

interface KnownOrder {
  /** What a mapping file says: it settles everything. */
  readonly said?: DateOrder | undefined;
  /** What the other columns of the file have. */
  readonly agreed?: DateOrder | undefined;
  /** What is usual for such a day. */
  readonly usual: DateOrder;
}

/** Pure: what 03/04/2026 means in this column, and what to say about it. */
export function decideOrder(
  { dayFirst, monthFirst, either }: DateEvidence,
  { said, agreed, usual }: KnownOrder,
): { readonly order: DateOrder; readonly note?: string } {
  if (said !== undefined) return { order: said };
  if (dayFirst > 0 && monthFirst > 0) {
    const order = dayFirst > monthFirst ? 'day first' : 'month first';
    return {
      order,
      note: `days and months stand in both orders (${dayFirst} day first, ${monthFirst} month first); what could be either is read ${order}`,
    };
  }
  if (dayFirst > 0) return { order: 'day first' };
  if (monthFirst > 0) return { order: 'month first' };
  const order = agreed ?? usual;
  if (either === 0 || agreed !== undefined) return { order };
  return {
    order,
    note: `ambiguous: all ${either} dates could be day first or month first; read ${order}. Say "dates: day first" or "month first" in a mapping file to settle it`,
  };
}

function decideOrders(evidence: ColumnEvidence, { dates: said, agreed }: Hints) {
  const dotted = decideOrder(evidence.dotted, { said, agreed: agreed.dotted, usual: 'day first' });
  const other = decideOrder(evidence.other, { said, agreed: agreed.other, usual: 'month first' });
  const notes = [dotted.note && (other.note ? `with dots, ${dotted.note}` : dotted.note), other.note].filter(
    (note) => note !== undefined,
  );
  return {
    orders: { dotted: dotted.order, other: other.order },
    note: notes.length > 0 ? notes.join('; ') : undefined,
  };
}

async function dateReader(sql: Sql, cell: string, hints: Hints): Promise<Reader> {
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
  const { orders, note } = decideOrders(
    forms.includes('numeric') ? await evidenceOf(sql, cell) : { dotted: noEvidence, other: noEvidence },
    hints,
  );
  return { valueSql: dateSql(cell, forms, orders), note };
}
