import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';

const keptStatements = 100;
const longestKeptText = 8_000;

const ofConnection = new WeakMap<DuckDBConnection, Map<string, DuckDBPreparedStatement>>();

/**
 * Lends the prepared statement of a text, and keeps it with its connection for the next time; the one that was not used for
 * longest goes first. A statement whose work fails is not kept.
 */
export async function withPrepared<Result>(
  connection: DuckDBConnection,
  sql: string,
  work: (statement: DuckDBPreparedStatement) => Promise<Result>,
): Promise<Result> {
  const kept = ofConnection.get(connection) ?? new Map<string, DuckDBPreparedStatement>();
  ofConnection.set(connection, kept);
  const statement = kept.get(sql) ?? (await connection.prepare(sql));
  kept.delete(sql);
  let isGood = false;
  try {
    const result = await work(statement);
    isGood = sql.length <= longestKeptText;
    return result;
  } finally {
    if (isGood) kept.set(sql, statement);
    else statement.destroySync();
    if (kept.size > keptStatements) destroyOldest(kept);
  }
}

function destroyOldest(kept: Map<string, DuckDBPreparedStatement>): void {
  const [sql, statement] = kept.entries().next().value!;
  kept.delete(sql);
  statement.destroySync();
}

/** Lets go of what is kept with a connection, before that is closed. */
export function destroyPrepared(connection: DuckDBConnection): void {
  for (const statement of ofConnection.get(connection)?.values() ?? []) statement.destroySync();
  ofConnection.delete(connection);
}
