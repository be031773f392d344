import { existsSync } from 'node:fs';
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { SignalboxError } from '../../../core/errors.ts';
import type { CanonicalTable, TableName } from '../canonical.ts';
import { loadDuckDb } from '../duckdb/instance.ts';
import { replaceFile } from '../duckdb/replace-file.ts';
import { createLayoutSql, demoSource, metaTable, quoteText } from '../layout.ts';
import { canonicalTables } from '../schema.ts';
import { type DemoRow, makeAccounts, makeOwners } from './accounts.ts';
import { makeCalls } from './calls.ts';
import { makeLeads } from './leads.ts';
import { makeOpportunities } from './opportunities.ts';
import { makeUsagePlan, usageSql } from './usage.ts';
import { products } from './vocabulary.ts';

export interface DemoOptions {
  /** The same seed and day make the same rows. */
  readonly seed: number | string;
  /** `YYYY-MM-DD`: the day that the data reach up to. Another day moves all dates by as much. */
  readonly today: string;
}

/** Fills a new warehouse with a company's made-up data, dirt included. Never replaces a warehouse that is there. */
export async function createDemoWarehouse(path: string, { seed, today }: DemoOptions): Promise<void> {
  if (existsSync(path))
    throw new SignalboxError(
      'conflict',
      `${path} is there already. The demo workspace is only made where there are no data; delete the file to have it made again.`,
    );
  const todayDays = daysOf(today);
  const rows = makeRows(String(seed));
  await replaceFile(
    path,
    async (connection) => {
      await connection.run(createLayoutSql.join(';'));
      for (const table of canonicalTables) {
        if (table.name !== 'usage') await append(connection, table, rows[table.name], todayDays);
      }
      await fillUsage(connection, rows.usage, today);
      await noteSource(connection, `seed ${seed}, up to ${today}`, today);
    },
    { fromScratch: true },
  );
}

function daysOf(today: string): number {
  const milliseconds = Date.parse(`${today}T00:00:00Z`);
  if (/^\d{4}-\d\d-\d\d$/.test(today) && !Number.isNaN(milliseconds)) return milliseconds / 86_400_000;
  throw new SignalboxError('config_invalid', `Today is "${today}". Expected a date like 2026-08-14.`);
}

/** The rows of each table; of usage, its plan. */
function makeRows(seed: string): Readonly<Record<TableName, readonly DemoRow[]>> {
  const owners = makeOwners(seed);
  const accounts = makeAccounts(seed, owners);
  const opportunities = makeOpportunities(seed, accounts, owners, 5_000);
  return {
    owners: owners.map((owner) => ({ ...owner })),
    products,
    accounts: accounts.map((account) => account.row),
    opportunities: opportunities.map((opportunity) => opportunity.row),
    leads: makeLeads(seed, accounts, owners, 600),
    calls: makeCalls(seed, opportunities, 2_400),
    usage: makeUsagePlan(seed, accounts, opportunities),
  };
}

async function append(
  connection: DuckDBConnection,
  table: CanonicalTable,
  rows: readonly DemoRow[],
  todayDays: number,
): Promise<void> {
  const { DuckDBDateValue } = await loadDuckDb();
  const appender = await connection.createAppender(table.name);
  for (const row of rows) {
    for (const column of table.columns) {
      const value = row[column.name] ?? null;
      if (column.type === 'date' && typeof value === 'number')
        appender.appendDate(new DuckDBDateValue(todayDays - value));
      else appendCell(appender, value);
    }
    appender.endRow();
  }
  appender.closeSync();
}

function appendCell(appender: DuckDBAppender, value: string | number | null): void {
  if (value === null) appender.appendNull();
  else if (typeof value === 'string') appender.appendVarchar(value);
  else appender.appendDouble(value);
}

async function fillUsage(
  connection: DuckDBConnection,
  plan: readonly DemoRow[],
  today: string,
): Promise<void> {
  const columns = [
    'account_id',
    'product_id',
    'from_days_ago',
    'to_days_ago',
    'level',
    'growth',
    'people',
    'plan_number',
  ];
  const types = columns.map((name, at) => `${name} ${at < 2 ? 'VARCHAR' : 'DOUBLE'}`);
  await connection.run(`CREATE TEMP TABLE usage_plan (${types.join(', ')})`);
  const appender = await connection.createAppender('usage_plan');
  for (const row of plan) {
    for (const name of columns) appendCell(appender, row[name] ?? null);
    appender.endRow();
  }
  appender.closeSync();
  await connection.run(usageSql(today));
}

async function noteSource(connection: DuckDBConnection, note: string, today: string): Promise<void> {
  const notes = canonicalTables.map(
    ({ name }) =>
      `SELECT ${quoteText(name)}, ${quoteText(demoSource)}, NULL, TIMESTAMP '${today}', count(*), ${quoteText(note)} FROM ${name}`,
  );
  await connection.run(`INSERT INTO ${metaTable} ${notes.join(' UNION ALL ')}`);
}
