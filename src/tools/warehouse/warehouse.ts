/**
 * The warehouse port: the company's own analytical data. Agents read it with SQL; `signalbox warehouse load` fills it.
 *
 * Reading is read-only by construction: an implementation accepts exactly one SELECT statement (WITH … SELECT included)
 * and refuses everything else with `query_refused`: other statements, several statements, functions and table functions
 * that read files, the network, settings, secrets or the environment. A statement that the engine rejects is `query_failed`
 * with the engine's message; one that runs longer than its limit is stopped and is `query_timeout`.
 */

/** A value of a cell. Dates are `YYYY-MM-DD`, timestamps ISO-8601 UTC; decimals and 64-bit integers are numbers. */
export type Scalar = string | number | boolean | null;

export type Row = Readonly<Record<string, Scalar>>;

export interface QueryColumn {
  readonly name: string;
  readonly type: 'text' | 'number' | 'boolean' | 'date' | 'timestamp';
}

export interface QueryOptions {
  /** Values for `$1`, `$2`, … */
  readonly parameters?: readonly Scalar[];
  /** Rows beyond it are not returned, and `truncated` is true. Default 1,000. */
  readonly rowLimit?: number;
  /** Default 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface QueryResult {
  readonly columns: readonly QueryColumn[];
  readonly rows: readonly Row[];
  readonly truncated: boolean;
  readonly durationMs: number;
}

export interface TableDescription {
  readonly name: string;
  readonly rowCount: number;
  readonly columns: readonly QueryColumn[];
}

export interface Warehouse {
  /** Runs one SELECT. Concurrent calls are allowed. */
  query(sql: string, options?: QueryOptions): Promise<QueryResult>;

  /** The tables that hold data now, canonical ones (schema.ts) and others. */
  tables(): Promise<readonly TableDescription[]>;

  /**
   * A text that changes when the data change (a load, by this process or another), cheap enough to ask before each
   * query: what was computed under one revision may be kept until it changes.
   */
  revision(): string;

  /** Stops running queries and lets go of the files. */
  close(): Promise<void>;
}
