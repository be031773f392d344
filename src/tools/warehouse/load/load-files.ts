import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { messageOf, SignalboxError } from '../../../core/errors.ts';
import type { DuckDbResources } from '../duckdb/instance.ts';
import { replaceFile } from '../duckdb/replace-file.ts';
import { demoSource, metaTable, quoteName, quoteText, upgradeLayoutSql } from '../layout.ts';
import { type ColumnMapping, mapColumns, strangersIn } from './column-mapping.ts';
import { type ColumnPlan, cellsTable, planColumns } from './column-plan.ts';
import { columnNames } from './headings.ts';
import { emptyMapping, type FileInstructions, type Mapping, readMapping } from './mapping-file.ts';
import { similarValues } from './near.ts';
import { resolveReferences } from './references.ts';
import { reasonsOf, withRecords, writeRejects } from './rejects.ts';
import type { ColumnReport, FileReport, LoadReport, SimilarValuesReport } from './report.ts';
import { type Sql, sqlOn } from './sql-reader.ts';
import { type StagedFile, stageFile } from './stage.ts';
import { chooseTable, type TableChoice } from './table-choice.ts';
import { type WriteResult, writeTable } from './write-table.ts';

export interface LoadOptions extends DuckDbResources {
  readonly warehousePath: string;
  /** YAML or JSON; see docs/guides/your-own-data.md. */
  readonly mappingFile?: string;
  /** Where rows that could not be loaded go. Default: `rejects` next to the warehouse. */
  readonly rejectsDir?: string;
  /**
   * Empties each table that a file goes to before loading. Without it a file takes the place of what an earlier file of the
   * same name brought, and of rows with the same ids; all other rows stay.
   */
  readonly replace?: boolean;
  readonly onProgress?: (progress: LoadProgress) => void;
}

export interface LoadProgress {
  readonly file: string;
  readonly phase: 'reading' | 'loading' | 'done';
}

/** Loads all files or, when one of them cannot be read, none. Errors: file_unreadable, mapping_invalid, conflict, storage_failed. */
export async function loadFiles(files: readonly string[], options: LoadOptions): Promise<LoadReport> {
  const startedMs = performance.now();
  checkNames(files);
  const mapping = options.mappingFile === undefined ? emptyMapping : await readMapping(options.mappingFile);
  const workFolder = await mkdtemp(join(tmpdir(), 'signalbox-load-'));
  const loaded: LoadedFile[] = [];
  try {
    const outcome = await replaceFile(
      options.warehousePath,
      async (connection) => {
        const sql = sqlOn(connection);
        for (const statement of upgradeLayoutSql) await sql.run(statement);
        const demoDropped = await dropDemo(sql);
        const emptied = new Set<string>();
        for (const [at, file] of files.entries())
          loaded.push(
            await loadFile(sql, file, { options, mapping, emptied, workPath: join(workFolder, String(at)) }),
          );
        const references = await resolveReferences(sql);
        return { demoDropped, references, similarValues: await findSimilarValues(sql, loaded) };
      },
      options,
    );
    const reports = await Promise.all(loaded.map((file) => finish(file, options)));
    return {
      warehousePath: options.warehousePath,
      durationMs: performance.now() - startedMs,
      files: reports,
      ...outcome,
    };
  } catch (error) {
    throw asLoadError(error);
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

const asLoadError = (error: unknown): SignalboxError =>
  error instanceof SignalboxError
    ? error
    : new SignalboxError(
        'storage_failed',
        `Nothing was loaded, and the warehouse is as it was: ${messageOf(error)}`,
        {
          cause: error,
        },
      );

/** Rows are known by the name of their file, so that it can take its own place. */
function checkNames(files: readonly string[]): void {
  if (files.length === 0)
    throw new SignalboxError(
      'invalid_request',
      'No file was named. Name at least one CSV, JSON or Parquet file.',
    );
  const names = files.map((file) => basename(file));
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw new SignalboxError(
      'invalid_request',
      `Two of the files are called ${twice}. Rename one, or load them one after the other.`,
    );
}

/** Made-up rows never stand beside real ones: with the first real file all of them go. */
async function dropDemo(sql: Sql): Promise<boolean> {
  const demo = await sql.rows(
    `SELECT DISTINCT table_name FROM ${metaTable} WHERE source = ${quoteText(demoSource)}`,
  );
  for (const row of demo) await sql.run(`DELETE FROM ${quoteName(row.table_name ?? '')}`);
  await sql.run(`DELETE FROM ${metaTable} WHERE source = ${quoteText(demoSource)}`);
  return demo.length > 0;
}

interface LoadContext {
  readonly options: LoadOptions;
  readonly mapping: Mapping;
  /** Tables that this load has emptied already, as `replace` asks for. */
  readonly emptied: Set<string>;
  readonly workPath: string;
}

interface LoadedFile {
  readonly file: string;
  readonly staged: StagedFile;
  readonly choice: TableChoice;
  readonly mappings: readonly ColumnMapping[];
  readonly plans: readonly ColumnPlan[];
  readonly written: WriteResult;
  readonly rejected: Awaited<ReturnType<typeof withRecords>>;
  readonly valuesMapped: number;
}

async function loadFile(sql: Sql, file: string, context: LoadContext): Promise<LoadedFile> {
  const { options, mapping, emptied, workPath } = context;
  options.onProgress?.({ file, phase: 'reading' });
  const staged = await stageFile(sql, file, workPath);
  const source = basename(file);
  const instructions = mapping.files.get(source.toLowerCase());
  const names = columnNames(staged.headings);
  checkInstructions(source, instructions, names, staged.headings);
  const choice = chooseTable(source, names, instructions?.table);
  const mappings = mapColumns(staged.headings, names, choice.table, instructions);
  options.onProgress?.({ file, phase: 'loading' });
  const valuesMapped = await mapValues(sql, mappings, names, mapping);
  const plans = await planColumns(sql, mappings, {
    dates: instructions?.dates,
    semicolons: staged.delimiter === ';',
  });
  const replace = options.replace === true && !emptied.has(choice.name);
  emptied.add(choice.name);
  const written = await writeTable(
    sql,
    { name: choice.name, table: choice.table, source, replace },
    staged,
    plans,
  );
  const rejected = [...staged.rejected, ...(await withRecords(sql, staged, written.rejected))];
  await sql.run(`DROP TABLE ${cellsTable}`);
  await noteSource(sql, choice.name, source, replace);
  options.onProgress?.({ file, phase: 'done' });
  return { file, staged, choice, mappings, plans, written, rejected, valuesMapped };
}

function checkInstructions(
  file: string,
  instructions: FileInstructions | undefined,
  names: readonly string[],
  headings: readonly string[],
): void {
  const strangers = instructions === undefined ? [] : strangersIn(instructions, names);
  if (strangers.length === 0) return;
  throw new SignalboxError(
    'mapping_invalid',
    `The mapping names ${strangers.join(', ')} in ${file}, which has no such heading. It has ${headings.join(', ')}.`,
  );
}

/** A value map counts for a column by its heading, by the name it gets, and by what a reference refers to (`product`). */
async function mapValues(
  sql: Sql,
  mappings: readonly ColumnMapping[],
  names: readonly string[],
  mapping: Mapping,
): Promise<number> {
  let mapped = 0;
  for (const { at, column } of mappings) {
    const keys = [names[at] ?? '', column ?? '', (column ?? '').replace(/_id$/, '')];
    const values = keys.map((key) => mapping.values.get(key)).find((found) => found !== undefined);
    if (values === undefined || values.size === 0) continue;
    const pairs = [...values].map(([from, to]) => `(${quoteText(from)}, ${quoteText(to)})`);
    mapped += await sql.run(
      `UPDATE ${cellsTable} SET _${at} = mapped.new FROM (VALUES ${pairs.join(', ')}) AS mapped(old, new) WHERE _${at} = mapped.old`,
    );
  }
  return mapped;
}

async function noteSource(sql: Sql, table: string, source: string, replaced: boolean): Promise<void> {
  const earlier = replaced ? '' : ` AND file_name = ${quoteText(source)}`;
  await sql.run(`DELETE FROM ${metaTable} WHERE table_name = ${quoteText(table)}${earlier}`);
  await sql.run(`INSERT INTO ${metaTable} SELECT ${quoteText(table)}, 'file', ${quoteText(source)}, now()::TIMESTAMP, count(*), NULL
    FROM ${quoteName(table)} WHERE source_file = ${quoteText(source)}`);
}

/** The columns in which people write the same thing in several ways: few values, none of them a name. */
async function findSimilarValues(
  sql: Sql,
  loaded: readonly LoadedFile[],
): Promise<readonly SimilarValuesReport[]> {
  const reports: SimilarValuesReport[] = [];
  const seen = new Set<string>();
  for (const { choice, plans } of loaded)
    for (const { column, type, mapping } of plans) {
      const isName = column === choice.table?.nameColumn || column === choice.table?.idColumn;
      const key = `${choice.name}.${column}`;
      if (type !== 'text' || isName || mapping.canonical?.references !== undefined || seen.has(key)) continue;
      seen.add(key);
      const values = await sql.rows(
        `SELECT ${quoteName(column)} AS value, count(*) AS n FROM ${quoteName(choice.name)} WHERE length(${quoteName(column)}) < 80 GROUP BY 1 LIMIT 201`,
      );
      if (values.length > 200) continue;
      const similar = similarValues(values.map((row) => ({ value: row.value ?? '', count: Number(row.n) })));
      if (similar.length > 0) reports.push({ table: choice.name, column, similar });
    }
  return reports;
}

async function finish(loaded: LoadedFile, options: LoadOptions): Promise<FileReport> {
  const { file, staged, choice, plans, written, rejected } = loaded;
  const folder = options.rejectsDir ?? join(dirname(options.warehousePath), 'rejects');
  const rejectsFile = await writeRejects(folder, file, rejected);
  const present = new Set(plans.map((plan) => plan.column));
  return {
    file,
    format: staged.format,
    ...(staged.encoding !== undefined && { encoding: staged.encoding }),
    ...(staged.delimiter !== undefined && { delimiter: staged.delimiter }),
    table: choice.name,
    tableReason: choice.reason,
    alternatives: choice.alternatives,
    rowsRead: staged.rowCount + staged.rejected.length,
    rowsLoaded: written.rowsLoaded,
    rowsRejected: rejected.length,
    ...(rejectsFile !== undefined && { rejectsFile }),
    rejectReasons: reasonsOf(rejected),
    rowsReplaced: written.rowsReplaced,
    rowsRemoved: written.rowsRemoved,
    idFrom: written.idFrom,
    columns: loaded.mappings.map((mapping) => columnReport(mapping, plans)),
    emptyColumns: plans.filter((plan) => plan.filled === 0).map((plan) => plan.mapping.heading),
    missingColumns: (choice.table?.columns ?? [])
      .map((column) => column.name)
      .filter((name) => !present.has(name)),
    valuesMapped: loaded.valuesMapped,
  };
}

function columnReport(mapping: ColumnMapping, plans: readonly ColumnPlan[]): ColumnReport {
  const plan = plans.find((candidate) => candidate.mapping.at === mapping.at);
  const { heading } = mapping;
  if (plan === undefined) return { heading, by: mapping.by, type: 'text', filled: 0 };
  const { column, type, filled, note } = plan;
  return { heading, column, by: plan.mapping.by, type, filled, ...(note !== undefined && { note }) };
}
