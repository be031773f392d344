import { extname } from 'node:path';
import { messageOf, SignalboxError } from '../../../core/errors.ts';
import { quoteName, quoteText } from '../layout.ts';
import { cleanSql } from './cells.ts';
import { cellsTable } from './column-plan.ts';
import { prepareCsv, type RejectedRow } from './csv-file.ts';
import type { Sql } from './sql-reader.ts';

/** A file in the database, every cell a text: `_cells (_row, _0, _1, …)`, rows counted from 0. */
export interface StagedFile {
  readonly format: 'CSV' | 'JSON' | 'Parquet';
  readonly encoding: string | undefined;
  readonly delimiter: string | undefined;
  readonly headings: readonly string[];
  readonly rowCount: number;
  /** The text, in UTF-8, that lines count in; undefined for what is no text. */
  readonly textPath: string | undefined;
  /** Rows that never became rows. */
  readonly rejected: readonly RejectedRow[];
  /** The line on which a row stands; its number from 1 where a file has no lines. */
  lineOf(row: number): number;
}

const formats: Readonly<Record<string, StagedFile['format']>> = {
  '.csv': 'CSV',
  '.tsv': 'CSV',
  '.txt': 'CSV',
  '.json': 'JSON',
  '.jsonl': 'JSON',
  '.ndjson': 'JSON',
  '.parquet': 'Parquet',
};

/** `workPath` is a prefix for files that are only needed while loading. */
export async function stageFile(sql: Sql, path: string, workPath: string): Promise<StagedFile> {
  const format = formats[extname(path).toLowerCase()];
  if (format === undefined)
    throw new SignalboxError(
      'file_unreadable',
      `${path} ends with "${extname(path)}". Expected ${Object.keys(formats).join(', ')}; unpack or convert it first.`,
    );
  try {
    await sql.run(`DROP TABLE IF EXISTS ${cellsTable}`);
    return format === 'CSV' ? await stageCsv(sql, path, workPath) : await stageColumns(sql, path, format);
  } catch (error) {
    if (error instanceof SignalboxError) throw error;
    throw new SignalboxError(
      'file_unreadable',
      // What follows is the statement, which nobody wrote who reads this.
      `${path} could not be read as ${format}: ${messageOf(error).split('\n\n', 1)[0]!.trim()}`,
      { cause: error },
    );
  }
}

async function stageCsv(sql: Sql, path: string, workPath: string): Promise<StagedFile> {
  const file = await prepareCsv(path, workPath);
  const cells = file.headings.map((_, at) => `_${at}`);
  const types = cells.map((cell) => `${quoteText(cell)}: 'VARCHAR'`);
  await stage(
    sql,
    cells.map((cell) => `${cleanSql(cell)} AS ${cell}`),
    `read_csv(${quoteText(file.path)}, auto_detect = false, header = ${file.headingsFirst}, delim = ${quoteText(file.readDelimiter)},
      quote = '"', escape = '"', nullstr = '', max_line_size = 33554432, columns = {${types.join(', ')}})`,
  );
  const rowCount = await countRows(sql);
  if (rowCount !== file.lines.length)
    throw new SignalboxError(
      'file_unreadable',
      `${path} has ${file.lines.length} rows by its quotation marks and line breaks, but ${rowCount} were read. Save it again as plain CSV.`,
    );
  return {
    format: 'CSV',
    encoding: file.encoding,
    delimiter: file.delimiter,
    headings: file.headings,
    rowCount,
    textPath: file.textPath,
    rejected: file.rejected,
    lineOf: (row) => file.lines[row] ?? row + 1,
  };
}

async function stageColumns(sql: Sql, path: string, format: 'JSON' | 'Parquet'): Promise<StagedFile> {
  const source =
    format === 'JSON'
      ? `read_json(${quoteText(path)}, maximum_depth = 1, sample_size = -1, maximum_object_size = 67108864)`
      : `read_parquet(${quoteText(path)})`;
  const columns = await sql.rows(`DESCRIBE SELECT * FROM ${source}`);
  const headings = columns.map((column) => column.column_name ?? '');
  if (headings.length === 0 || (format === 'JSON' && headings.length === 1 && headings[0] === 'json'))
    throw new SignalboxError(
      'file_unreadable',
      `${path} has no columns. Expected an array of objects, or one object a line.`,
    );
  const texts = columns.map((column) =>
    cellText(quoteName(column.column_name ?? ''), column.column_type ?? '', format),
  );
  await stage(
    sql,
    texts.map((text, at) => `${cleanSql(`(${text})`)} AS _${at}`),
    source,
  );
  const rowCount = await countRows(sql);
  return {
    format,
    encoding: undefined,
    delimiter: undefined,
    headings,
    rowCount,
    textPath: undefined,
    rejected: [],
    lineOf: (row) => row + 1,
  };
}

/** Lists and structures become JSON; everything else prints as itself. */
function cellText(name: string, type: string, format: 'JSON' | 'Parquet'): string {
  if (format === 'JSON') return `${name}::JSON ->> '$'`;
  return /STRUCT|MAP|\[|UNION/.test(type) ? `to_json(${name})::VARCHAR` : `${name}::VARCHAR`;
}

const stage = (sql: Sql, selected: readonly string[], source: string) =>
  sql.run(
    `CREATE TEMP TABLE ${cellsTable} AS SELECT row_number() OVER () - 1 AS _row, ${selected.join(', ')} FROM ${source}`,
  );

const countRows = async (sql: Sql): Promise<number> =>
  (await sql.counts(`SELECT count(*) AS n FROM ${cellsTable}`)).n ?? 0;
