import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RejectedRow } from './csv-file.ts';
import { CsvScanner, readInPieces, writeRecord } from './csv-scan.ts';
import type { RejectReason } from './report.ts';
import type { Sql } from './sql-reader.ts';
import type { StagedFile } from './stage.ts';

/** The lines that are named with each reason. */
const namedLines = 5;

/** Rejected rows with what stood in the file: for CSV the record itself, for other formats its cells as JSON. */
export async function withRecords(
  sql: Sql,
  staged: StagedFile,
  rejected: readonly { readonly row: number; readonly reason: string }[],
): Promise<readonly RejectedRow[]> {
  if (rejected.length === 0) return [];
  const records =
    staged.textPath === undefined ? await cellsOf(sql, staged, rejected) : await linesOf(staged, rejected);
  return rejected.map(({ row, reason }) => ({
    line: staged.lineOf(row),
    reason,
    record: records.get(row) ?? '',
  }));
}

async function linesOf(
  staged: StagedFile,
  rejected: readonly { readonly row: number }[],
): Promise<ReadonlyMap<number, string>> {
  const rows = new Map(rejected.map(({ row }) => [staged.lineOf(row), row]));
  const records = new Map<number, string>();
  const scanner = new CsvScanner(staged.delimiter ?? ',', (record) => {
    const row = rows.get(record.line);
    if (row !== undefined) records.set(row, record.bytes.toString('utf8').slice(0, 10_000));
  });
  await readInPieces(staged.textPath ?? '', (piece) => scanner.write(piece));
  scanner.finish();
  return records;
}

async function cellsOf(
  sql: Sql,
  staged: StagedFile,
  rejected: readonly { readonly row: number }[],
): Promise<ReadonlyMap<number, string>> {
  const cells = await sql.rows(
    `SELECT * FROM _cells WHERE _row IN (${rejected.map(({ row }) => row).join(', ')})`,
  );
  return new Map(
    cells.map((row) => {
      const named = staged.headings.map((heading, at) => [heading, row[`_${at}`] ?? null]);
      return [Number(row._row), JSON.stringify(Object.fromEntries(named))];
    }),
  );
}

/** Writes the rejects of one file; without any, those of an earlier load of it are removed. */
export async function writeRejects(
  folder: string,
  file: string,
  rejected: readonly RejectedRow[],
): Promise<string | undefined> {
  const path = join(folder, `${basename(file)}.rejects.csv`);
  await rm(path, { force: true });
  if (rejected.length === 0) return undefined;
  await mkdir(folder, { recursive: true });
  const rows = [...rejected].sort((one, other) => one.line - other.line);
  const records = rows.map(({ line, reason, record }) => writeRecord([String(line), reason, record]));
  await writeFile(path, ['line,reason,record\n', ...records].join(''));
  return path;
}

/** The reasons by frequency; what differs from row to row (the values, other lines) is taken out of them. */
export function reasonsOf(rejected: readonly RejectedRow[]): readonly RejectReason[] {
  const general = (reason: string) =>
    reason
      .replaceAll(/: "(?:[^"]|"(?! is not))*" is not/g, ' is not')
      .replace(/as line \d+/, 'as a later line');
  return [...Map.groupBy(rejected, (row) => general(row.reason))]
    .map(([reason, rows]) => ({
      reason,
      count: rows.length,
      lines: rows
        .map((row) => row.line)
        .sort((one, other) => one - other)
        .slice(0, namedLines),
    }))
    .sort((one, other) => other.count - one.count);
}
