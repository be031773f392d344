import type { Row } from '../../../tools/warehouse/warehouse.ts';
import { dimensionSql, fromSql, whereSql } from '../compile.ts';
import { type Table, table } from '../render/answer.ts';
import { dayText, money, text } from '../render/format.ts';
import type { ColumnPath } from '../semantic-layer/dimensions.ts';
import { join, raw, type Sql, sql } from '../sql.ts';
import type { Vocabulary } from '../vocabulary.ts';
import type { AnswerContext } from './context.ts';

/** A list of deals: the columns that hold data, in the order of reading. */
interface DealColumn {
  readonly name: string;
  readonly label: string;
  readonly sql: Sql;
  readonly isNumber?: true;
  readonly write: (row: Row) => string;
}

const cell = (name: string) => (row: Row) => text(row[name]);

export interface DealListOptions {
  readonly conditions: readonly Sql[];
  readonly order: Sql;
  readonly limit: number;
  /** Columns beside the usual ones. */
  readonly also?: readonly DealColumn[];
  readonly without?: readonly string[];
  /** Some of the deals, which are counted among them. */
  readonly among?: Sql;
}

export function dealColumns(vocabulary: Vocabulary): readonly DealColumn[] {
  const { profile } = vocabulary;
  const has = (path: ColumnPath) => profile.filled(path) > 0;
  const account = dimensionSql(vocabulary, 'account', 'opportunities');
  const owner = dimensionSql(vocabulary, 'owner', 'opportunities');
  const name = has('opportunities.name') ? 'opportunities.name' : 'opportunities.opportunity_id';
  const product = has('opportunities.name')
    ? undefined
    : dimensionSql(vocabulary, 'product', 'opportunities');
  return [
    { name: 'deal', label: 'Deal', sql: raw(name), write: cell('deal') },
    ...(account ? [{ name: 'account', label: 'Account', sql: account, write: cell('account') }] : []),
    ...(product ? [{ name: 'product', label: 'Product', sql: product, write: cell('product') }] : []),
    ...(owner ? [{ name: 'owner', label: 'Owner', sql: owner, write: cell('owner') }] : []),
    { name: 'stage', label: 'Stage', sql: raw('opportunities.stage'), write: cell('stage') },
    ...(has('opportunities.amount')
      ? [
          {
            name: 'amount',
            label: 'Amount',
            sql: raw('opportunities.amount'),
            isNumber: true as const,
            write: (row: Row) => money(row.amount),
          },
        ]
      : []),
    ...(has('opportunities.close_date')
      ? [
          {
            name: 'close_date',
            label: 'Close date',
            sql: raw('opportunities.close_date'),
            write: (row: Row) => dayText(row.close_date),
          },
        ]
      : []),
  ];
}

export interface DealList {
  readonly rows: readonly Row[];
  readonly table: Table;
  readonly total: number;
  readonly amount: number;
  readonly withAmount: number;
  /** Those of `among`. */
  readonly among: { readonly total: number; readonly amount: number; readonly withAmount: number };
}

/** Fetches the rows with how many there are in all and what they are worth together. */
export async function listDeals(context: AnswerContext, options: DealListOptions): Promise<DealList> {
  const { without = [], also = [] } = options;
  const columns = [...dealColumns(context.vocabulary).filter(({ name }) => !without.includes(name)), ...also];
  const list = columns.map((column) => sql`${column.sql} AS ${column.name}`);
  const totals = [
    ...totalsOf(raw(''), ''),
    ...(options.among ? totalsOf(sql` FILTER (WHERE ${options.among})`, 'among_') : []),
  ];
  const parts = [...columns.map((column) => column.sql), ...options.conditions];
  const query = sql`SELECT ${join([...list, ...totals], ',\n  ')}\n${fromSql('opportunities', parts)}${whereSql(options.conditions)}\nORDER BY ${options.order}, opportunities.opportunity_id\nLIMIT ${options.limit}`;
  const rows = await context.run(query);
  const number = (name: string) => Number(rows[0]?.[name] ?? 0);
  return {
    rows,
    total: number('total'),
    amount: number('total_amount'),
    withAmount: number('with_amount'),
    among: {
      total: number('among_total'),
      amount: number('among_total_amount'),
      withAmount: number('among_with_amount'),
    },
    table: table(
      columns.map(({ label }) => label),
      rows.map((row) => columns.map(({ write }) => write(row))),
      {
        more: number('total') - rows.length,
        numbers: columns.flatMap(({ isNumber }, index) => (isNumber ? [index] : [])),
      },
    ),
  };
}

const totalsOf = (filter: Sql, prefix: string): readonly Sql[] => [
  sql`count(*)${filter} OVER () AS ${prefix}total`,
  sql`count(opportunities.amount)${filter} OVER () AS ${prefix}with_amount`,
  sql`sum(opportunities.amount)${filter} OVER () AS ${prefix}total_amount`,
];
