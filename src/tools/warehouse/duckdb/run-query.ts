import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBResult } from '@duckdb/node-api';
import { messageOf, SignalboxError } from '../../../core/errors.ts';
import type { QueryResult, Row, Scalar } from '../warehouse.ts';
import { assertReadable, maximumSqlLength } from './guard.ts';
import { loadDuckDb } from './instance.ts';
import { withPrepared } from './prepared-statements.ts';
import { bindParameters, columnTypeOf, scalarConverter } from './values.ts';

/** A result is held in memory whole; beyond this many characters of text it is refused. */
const maximumResultCharacters = 64_000_000;

const selectStatement = 1;

/** Runs one SELECT on a connection of its own. Errors are of the catalogue; an interrupt surfaces as `query_failed`. */
export async function runQuery(
  connection: DuckDBConnection,
  sql: string,
  parameters: readonly Scalar[],
  rowLimit: number,
): Promise<Omit<QueryResult, 'durationMs'>> {
  if (sql.length > maximumSqlLength)
    throw new SignalboxError(
      'query_refused',
      `The query has ${sql.length} characters; at most ${maximumSqlLength} are read. Make it shorter.`,
    );
  try {
    await checkReadable(connection, sql);
    return await withPrepared(connection, sql, (statement) =>
      execute(connection, statement, parameters, rowLimit),
    );
  } catch (error) {
    throw asQueryError(error);
  }
}

const keptTexts = 1_000;
const longestKeptText = 8_000;

/** Texts that were found readable. The verdict depends on nothing but the text. */
const readableTexts = new Set<string>();

async function checkReadable(connection: DuckDBConnection, sql: string): Promise<void> {
  if (readableTexts.has(sql)) return;
  assertReadable(await serialize(connection, sql));
  if (sql.length > longestKeptText) return;
  if (readableTexts.size === keptTexts) readableTexts.delete(readableTexts.values().next().value!);
  readableTexts.add(sql);
}

/** DuckDB's own parse of the text, which runs nothing of it. */
async function serialize(connection: DuckDBConnection, sql: string): Promise<string> {
  const result = await connection.run('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  return String((await result.getRows())[0]?.[0]);
}

async function execute(
  connection: DuckDBConnection,
  statement: DuckDBPreparedStatement,
  parameters: readonly Scalar[],
  rowLimit: number,
): Promise<Omit<QueryResult, 'durationMs'>> {
  if ((statement.statementType as number) !== selectStatement)
    throw new SignalboxError('query_refused', 'The query is not a SELECT. Expected one SELECT.');
  if (statement.parameterCount !== parameters.length)
    throw new SignalboxError(
      'query_failed',
      `The query has ${statement.parameterCount} parameters, ${parameters.length} values were given. Give one for each.`,
    );
  bindParameters(statement, parameters);
  return await readResult(connection, await statement.stream(), rowLimit);
}

async function readResult(
  connection: DuckDBConnection,
  result: DuckDBResult,
  rowLimit: number,
): Promise<Omit<QueryResult, 'durationMs'>> {
  const names = result.deduplicatedColumnNames();
  const columns = result
    .columnTypes()
    .map((type, at) => ({ name: names[at] ?? '', type: columnTypeOf(type) }));
  const rows = await readRows(result, names, rowLimit);
  const truncated = rows.length > rowLimit;
  // What is left of a stream holds memory until the connection does something else.
  if (truncated) await connection.run('SELECT 1');
  return { columns, rows: truncated ? rows.slice(0, rowLimit) : rows, truncated };
}

/** The rows up to the limit and, where there are more, some beyond it. */
async function readRows(result: DuckDBResult, names: readonly string[], rowLimit: number): Promise<Row[]> {
  const convert = scalarConverter((await loadDuckDb()).JsonDuckDBValueConverter);
  const rows: Row[] = [];
  let characters = 0;
  while (rows.length <= rowLimit) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    for (const cells of chunk.convertRows(convert)) {
      characters += cells.reduce<number>(
        (sum, cell) => sum + (typeof cell === 'string' ? cell.length : 0),
        0,
      );
      rows.push(Object.fromEntries(names.map((name, at) => [name, cells[at] ?? null])));
    }
    if (characters > maximumResultCharacters) throw tooLarge(characters);
  }
  return rows;
}

const tooLarge = (characters: number) =>
  new SignalboxError(
    'query_failed',
    `The result has more than ${characters} characters; at most ${maximumResultCharacters} fit. Select fewer columns or rows.`,
  );

function asQueryError(error: unknown): SignalboxError {
  if (error instanceof SignalboxError) return error;
  const message = messageOf(error);
  if (/^Permission Error/.test(message))
    return new SignalboxError('query_refused', `${message}. Queries read the tables of the warehouse only.`);
  if (/^(IO|Fatal|INTERNAL|Serialization) Error/.test(message))
    return new SignalboxError('warehouse_unavailable', message, { cause: error });
  return new SignalboxError('query_failed', message, { cause: error });
}
