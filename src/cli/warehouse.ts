import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { makeDataFolder } from '../data-folder.ts';
import { DuckDbWarehouse } from '../tools/warehouse/duckdb/duckdb-warehouse.ts';
import { metaTable } from '../tools/warehouse/layout.ts';
import { loadFiles } from '../tools/warehouse/load/load-files.ts';
import type { QueryResult, Row, Scalar } from '../tools/warehouse/warehouse.ts';
import { formatLoadReport } from './warehouse-report.ts';

export const warehouseSummary = 'load your own data, see what is there, query it';

export const warehouseUsage = `signalbox warehouse load FILE… [--mapping FILE] [--replace] [--json]
    Loads CSV, JSON and Parquet files. A file takes the place of what an earlier file of the same name brought;
    with --replace it takes the place of the whole table.
signalbox warehouse tables [--json]
    Shows what is there and where it came from.
signalbox warehouse query "SELECT …" [--limit ROWS] [--json]
    Runs one SELECT.
`;

export interface CommandOptions {
  readonly dataDir: string;
  readonly json: boolean;
  readonly write: (text: string) => void;
}

/** 0 when all is well, 1 when it is not, 2 when the command was not understood. */
export async function warehouseCommand(args: readonly string[], options: CommandOptions): Promise<number> {
  const parsed = parse(args);
  if (typeof parsed === 'string') {
    options.write(`${parsed}\n\n${warehouseUsage}`);
    return 2;
  }
  const json = options.json || parsed.values.json === true;
  try {
    await run(parsed, { ...options, json });
    return 0;
  } catch (error) {
    if (!(error instanceof SignalboxError)) throw error;
    const { code, message } = error;
    options.write(json ? `${JSON.stringify({ error: { code, message } })}\n` : `${message}\n`);
    return 1;
  }
}

interface ParsedCommand {
  readonly command: 'load' | 'tables' | 'query';
  readonly words: readonly string[];
  readonly values: { mapping?: string; replace?: boolean; json?: boolean; limit?: string };
}

function parse(args: readonly string[]): ParsedCommand | string {
  try {
    const { positionals, values } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        mapping: { type: 'string' },
        replace: { type: 'boolean' },
        json: { type: 'boolean' },
        limit: { type: 'string' },
      },
    });
    const [command, ...words] = positionals;
    if (command === 'tables' && words.length === 0) return { command, words, values };
    if (command === 'load' && words.length > 0) return { command, words, values };
    if (command === 'query' && words.length === 1) return { command, words, values };
    if (command === 'load') return 'load needs at least one file.';
    if (command === 'query') return 'query needs one SELECT, in quotation marks.';
    return command === undefined ? 'What to do is missing.' : `"${args.join(' ')}" was not understood.`;
  } catch (error) {
    return messageOf(error);
  }
}

async function run({ command, words, values }: ParsedCommand, options: CommandOptions): Promise<void> {
  const warehousePath = join(options.dataDir, 'warehouse.duckdb');
  if (command === 'load') {
    makeDataFolder(options.dataDir);
    const { mapping, replace = false } = values;
    const report = await loadFiles(words, {
      warehousePath,
      replace,
      ...(mapping !== undefined && { mappingFile: mapping }),
    });
    options.write(options.json ? `${JSON.stringify(report)}\n` : formatLoadReport(report));
    return;
  }
  const warehouse = new DuckDbWarehouse(warehousePath);
  try {
    if (command === 'tables') await showTables(warehouse, options);
    else await showQuery(warehouse, words[0] as string, limitOf(values.limit), options);
  } finally {
    await warehouse.close();
  }
}

function limitOf(limit: string | undefined): number {
  if (limit === undefined) return 100;
  if (/^\d{1,7}$/.test(limit)) return Number(limit);
  throw new SignalboxError(
    'invalid_request',
    `--limit is "${limit}". Expected a number of rows up to 9999999.`,
  );
}

async function showTables(warehouse: DuckDbWarehouse, { json, write }: CommandOptions): Promise<void> {
  const { rows: sources } = await warehouse.query(
    `SELECT table_name, source, file_name, loaded_at, row_count, note FROM ${metaTable} ORDER BY table_name, loaded_at`,
  );
  const tables = (await warehouse.tables()).map(({ name, rowCount, columns }) => ({
    name,
    rowCount,
    columns: columns.length,
    sources: sources.filter((source) => source.table_name === name),
  }));
  if (json) return write(`${JSON.stringify(tables)}\n`);
  if (tables.length === 0)
    return write('The warehouse is empty. Load something: signalbox warehouse load FILE…\n');
  const rows = tables.map(({ name, rowCount, columns, sources: from }) => ({
    table: name,
    rows: rowCount,
    columns,
    source: from.map(sourceText).join('; '),
  }));
  write(formatRows(['table', 'rows', 'columns', 'source'], rows));
}

const sourceText = ({ source, file_name, loaded_at, note }: Row): string =>
  source === 'demo'
    ? `demo workspace (${note})`
    : `${file_name}, loaded ${String(loaded_at).slice(0, 16).replace('T', ' ')} UTC`;

async function showQuery(
  warehouse: DuckDbWarehouse,
  sql: string,
  rowLimit: number,
  { json, write }: CommandOptions,
): Promise<void> {
  const result = await warehouse.query(sql, { rowLimit, timeoutMs: 300_000 });
  write(json ? `${JSON.stringify(result)}\n` : formatResult(result, rowLimit));
}

function formatResult({ columns, rows, truncated, durationMs }: QueryResult, rowLimit: number): string {
  const count = truncated
    ? `the first ${rowLimit} rows; more with --limit`
    : `${rows.length} row${rows.length === 1 ? '' : 's'}`;
  return `${formatRows(
    columns.map((column) => column.name),
    rows,
  )}(${count}, ${durationMs.toFixed(1)} ms)\n`;
}

const longestCell = 60;

/** Cells on one line each and without control characters, which a terminal might obey. */
function cellText(value: Scalar | undefined): string {
  const text = String(value ?? '').replaceAll(/\p{Cc}+/gu, ' ');
  return text.length > longestCell ? `${text.slice(0, longestCell - 1)}…` : text;
}

/** Columns below each other, numbers to the right. */
export function formatRows(names: readonly string[], rows: readonly Row[]): string {
  const table = [
    names.map((name) => cellText(name)),
    ...rows.map((row) => names.map((name) => cellText(row[name]))),
  ];
  const widths = names.map((_, at) => Math.max(...table.map((line) => line[at]?.length ?? 0)));
  const isNumber = names.map((name) => rows.some((row) => typeof row[name] === 'number'));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (isNumber[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  const [head = [], ...body] = table;
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line), ''].join('\n');
}
