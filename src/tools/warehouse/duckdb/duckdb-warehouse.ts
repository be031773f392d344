import type { DuckDBConnection } from '@duckdb/node-api';
import { messageOf, SignalboxError } from '../../../core/errors.ts';
import { createLayoutSql, metaTable, quoteName, quoteText } from '../layout.ts';
import type { QueryOptions, QueryResult, TableDescription, Warehouse } from '../warehouse.ts';
import { ConnectionPool } from './connection-pool.ts';
import { FileRevision, missing } from './file-revision.ts';
import { type DuckDbResources, openForReading } from './instance.ts';
import { runQuery } from './run-query.ts';

export interface DuckDbWarehouseOptions extends DuckDbResources {
  /** Queries that run at once; others wait in line, and the wait counts towards their time. Default 2. */
  readonly connections?: number;
  /** How stale `revision()` may be. Default 250. */
  readonly revisionIntervalMs?: number;
}

interface OpenDatabase {
  readonly revision: string;
  readonly pool: Promise<ConnectionPool>;
}

const closedError = () => new SignalboxError('warehouse_unavailable', 'The warehouse has been closed.');

/** A query that does not heed its interrupt is left behind. */
const longestCloseMs = 2_000;

/** How long until an interrupt is repeated: one that arrives between two statements is lost. */
const interruptIntervalMs = 20;

/**
 * The warehouse as one DuckDB file, which this class only reads. A load replaces the file; the next query then opens the new
 * one, while queries on the old one finish there. A file that is not there is a warehouse whose tables are all empty.
 */
export class DuckDbWarehouse implements Warehouse {
  readonly #file: FileRevision;
  readonly #options: DuckDbWarehouseOptions;
  readonly #closing = new AbortController();
  readonly #retired = new Set<Promise<void>>();
  #database: OpenDatabase | undefined;
  #tables: { readonly revision: string; readonly tables: readonly TableDescription[] } | undefined;

  constructor(path: string, options: DuckDbWarehouseOptions = {}) {
    this.#file = new FileRevision(path, options.revisionIntervalMs ?? 250);
    this.#options = options;
  }

  revision(): string {
    return this.#file.read();
  }

  async query(sql: string, options: QueryOptions = {}): Promise<QueryResult> {
    const { parameters = [], rowLimit = 1_000, timeoutMs = 30_000, signal } = options;
    const startedMs = performance.now();
    const result = await this.#run(timeoutMs, signal, (connection) =>
      runQuery(connection, sql, parameters, rowLimit),
    );
    return { ...result, durationMs: performance.now() - startedMs };
  }

  async tables(): Promise<readonly TableDescription[]> {
    const revision = this.revision();
    if (this.#tables?.revision === revision) return this.#tables.tables;
    const tables = await this.#run(30_000, undefined, readTables);
    this.#tables = { revision, tables };
    return tables;
  }

  async close(): Promise<void> {
    this.#closing.abort(closedError());
    this.#retire();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, longestCloseMs);
    await Promise.race([Promise.allSettled(this.#retired), promise]);
    clearTimeout(timer);
  }

  async #run<Result>(
    timeoutMs: number,
    signal: AbortSignal | undefined,
    work: (connection: DuckDBConnection) => Promise<Result>,
  ): Promise<Result> {
    const time = new AbortController();
    const timer = setTimeout(() => time.abort(timeoutError(timeoutMs)), timeoutMs);
    const stop = AbortSignal.any([time.signal, this.#closing.signal, ...(signal ? [signal] : [])]);
    try {
      stop.throwIfAborted();
      // Without an await in between: a retirement that comes later finds the pool in use.
      const running = this.#pool().then((pool) =>
        pool.use(stop, (connection) => interruptible(connection, stop, () => work(connection))),
      );
      return await untilStopped(stop, running);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The connections to the file as it is now. */
  #pool(): Promise<ConnectionPool> {
    const revision = this.revision();
    if (this.#database?.revision !== revision) {
      this.#retire();
      const database = { revision, pool: this.#open(revision) };
      database.pool.catch(() => {
        if (this.#database === database) this.#database = undefined;
      });
      this.#database = database;
    }
    return this.#database.pool;
  }

  async #open(revision: string): Promise<ConnectionPool> {
    const path = revision === missing ? undefined : this.#file.path;
    try {
      const instance = await openForReading(
        path,
        this.#options,
        path === undefined ? createTables : undefined,
      );
      return new ConnectionPool(instance, this.#options.connections ?? 2);
    } catch (error) {
      throw new SignalboxError(
        'warehouse_unavailable',
        `${this.#file.path} could not be opened: ${messageOf(error)}. Expected a DuckDB file; load the data again or put a copy back.`,
        { cause: error },
      );
    }
  }

  #retire(): void {
    const retired = this.#database?.pool.then(
      (pool) => pool.retire(),
      () => undefined,
    );
    this.#database = undefined;
    if (retired === undefined) return;
    this.#retired.add(retired);
    retired.finally(() => this.#retired.delete(retired));
  }
}

const timeoutError = (timeoutMs: number) =>
  new SignalboxError(
    'query_timeout',
    `The query ran longer than ${timeoutMs} ms and was stopped. Ask for less, or allow more time.`,
  );

async function createTables(connection: DuckDBConnection): Promise<void> {
  await connection.run(createLayoutSql.join(';'));
}

/** Keeps interrupting the connection from the moment of the signal until the work has ended. */
async function interruptible<Result>(
  connection: DuckDBConnection,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const interrupt = () => {
    connection.interrupt();
    timer ??= setInterval(() => connection.interrupt(), interruptIntervalMs);
  };
  signal.addEventListener('abort', interrupt, { once: true });
  if (signal.aborted) interrupt();
  try {
    return await work();
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', interrupt);
  }
}

/** The caller hears of a stop at once; the work is left to end in its own time. */
function untilStopped<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** The tables with at least one row; what the loader notes about them is not one of them. */
async function readTables(connection: DuckDBConnection): Promise<readonly TableDescription[]> {
  const read = (sql: string) => runQuery(connection, sql, [], 100_000);
  const names = await read(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY table_name",
  );
  const counts = names.rows
    .map((row) => String(row.table_name))
    .filter((name) => name !== metaTable)
    .map((name) => `SELECT ${quoteText(name)} AS name, count(*) AS row_count FROM ${quoteName(name)}`);
  const filled: TableDescription[] = [];
  for (const row of (await read(`${counts.join(' UNION ALL ')} ORDER BY name`)).rows) {
    if (row.row_count === 0) continue;
    const name = String(row.name);
    const { columns } = await read(`SELECT * FROM ${quoteName(name)} LIMIT 0`);
    filled.push({ name, rowCount: Number(row.row_count), columns });
  }
  return filled;
}
