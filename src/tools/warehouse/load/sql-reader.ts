import type { DuckDBConnection } from '@duckdb/node-api';

/** The few ways in which loading talks to the database. Counts come as numbers, everything else as text. */
export interface Sql {
  /** Gives back how many rows were changed. */
  run(sql: string): Promise<number>;
  rows(sql: string): Promise<readonly Readonly<Record<string, string | null>>[]>;
  /** The first row, its values as numbers (null is 0). */
  counts(sql: string): Promise<Readonly<Record<string, number>>>;
}

export function sqlOn(connection: DuckDBConnection): Sql {
  const rows: Sql['rows'] = async (sql) => {
    const result = await connection.runAndReadAll(sql);
    const names = result.columnNames();
    return result
      .getRows()
      .map((cells) =>
        Object.fromEntries(names.map((name, at) => [name, cells[at] === null ? null : String(cells[at])])),
      );
  };
  return {
    rows,
    run: async (sql) => (await connection.run(sql)).rowsChanged,
    counts: async (sql) => {
      const [row] = await rows(sql);
      return Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value ?? 0)]));
    },
  };
}
