import { once } from 'node:events';
import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { type ExportOf, exportSchemas } from './schemas.ts';

/** Gathers the analysis form of conversations in one Parquet file. */
export interface ParquetWriter {
  add(row: ExportOf<'analysis'>): Promise<void>;
  /** The file is there from now on, whole. */
  close(): Promise<void>;
  /** Nothing is left behind. */
  abandon(): Promise<void>;
}

/** Written beside `path` first: rows as lines of JSON, and from those the columns, compressed with Zstandard, by DuckDB. */
export function createParquetWriter(path: string): ParquetWriter {
  const rowsPath = `${path}.rows.partial`;
  const filePath = `${path}.partial`;
  const rows = createWriteStream(rowsPath);
  const failed = once(rows, 'error').then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  const written = (text: string) =>
    rows.write(text) ? undefined : Promise.race([once(rows, 'drain'), failed]);
  const end = async () => {
    rows.end();
    await Promise.race([once(rows, 'close'), failed]);
  };
  const abandon = async () => {
    rows.destroy();
    for (const partial of [rowsPath, filePath]) rmSync(partial, { force: true });
  };
  return {
    async add(row) {
      await written(`${JSON.stringify(row)}\n`);
    },
    async close() {
      await end();
      await convert(rowsPath, filePath);
      renameSync(filePath, path);
      rmSync(rowsPath);
    },
    abandon,
  };
}

/** Rows that are gathered in memory before they are written; with more threads, so many for each. */
const rowGroupSize = 4_096;

async function convert(rowsPath: string, filePath: string): Promise<void> {
  // Loaded for this alone.
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'; SET threads = 1");
    const columns = Object.entries(exportSchemas.analysis.properties).map(
      ([name, schema]) => `${name}: '${columnType(schema as ColumnSchema)}'`,
    );
    const source = `read_json(${quoted(rowsPath)}, format = 'newline_delimited', columns = {${columns.join(', ')}})`;
    await connection.run(
      `COPY (SELECT * FROM ${source}) TO ${quoted(filePath)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupSize})`,
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

interface ColumnSchema {
  readonly type?: string;
  readonly format?: string;
  readonly anyOf?: readonly ColumnSchema[];
}

/** Of a column that may be null: the type of what is not. */
function columnType(schema: ColumnSchema): string {
  const { type, format } = schema.anyOf?.find((one) => one.type !== 'null') ?? schema;
  if (format === 'date-time') return 'TIMESTAMP WITH TIME ZONE';
  const types: Readonly<Record<string, string>> = { integer: 'BIGINT', number: 'DOUBLE', boolean: 'BOOLEAN' };
  return types[type ?? 'string'] ?? 'VARCHAR';
}
