import type { QueryOptions, QueryResult, TableDescription, Warehouse } from './warehouse.ts';

export interface CachingOptions {
  /** Results that are kept. Default 500. */
  readonly maximumEntries?: number;
  /** Cells over all kept results; 16 characters of text count as one more. Default 500,000. */
  readonly maximumCells?: number;
}

interface Kept {
  readonly result: QueryResult;
  readonly cells: number;
}

interface Running {
  readonly result: Promise<QueryResult>;
  readonly abort: AbortController;
  waiting: number;
}

/** Queries whose answer changes while the data do not. */
const volatile =
  /\b(now|today|age|ago|random|uuid\w*|gen_random_uuid|current_\w+|get_current_\w+|localtime\w*|transaction_timestamp|using\s+sample|tablesample)\b/i;

/**
 * Keeps results for as long as the data stay the same (`revision()`), the least recently used go first, and lets callers who
 * ask the same thing at the same time share one execution, which is stopped when the last of them has gone.
 */
export class CachingWarehouse implements Warehouse {
  readonly #inner: Warehouse;
  readonly #maximumEntries: number;
  readonly #maximumCells: number;
  readonly #kept = new Map<string, Kept>();
  readonly #running = new Map<string, Running>();
  #cells = 0;
  #closed = false;

  constructor(inner: Warehouse, options: CachingOptions = {}) {
    this.#inner = inner;
    this.#maximumEntries = options.maximumEntries ?? 500;
    this.#maximumCells = options.maximumCells ?? 500_000;
  }

  revision(): string {
    return this.#inner.revision();
  }

  tables(): Promise<readonly TableDescription[]> {
    return this.#inner.tables();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#kept.clear();
    return this.#inner.close();
  }

  async query(sql: string, options: QueryOptions = {}): Promise<QueryResult> {
    if (this.#closed || volatile.test(sql)) return this.#inner.query(sql, options);
    const startedMs = performance.now();
    options.signal?.throwIfAborted();
    const key = JSON.stringify([this.revision(), sql, options.parameters ?? [], options.rowLimit ?? null]);
    const result = this.#recall(key) ?? (await this.#share(key, sql, options));
    return { ...result, durationMs: performance.now() - startedMs };
  }

  #recall(key: string): QueryResult | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.result;
  }

  /** Joins the execution that is under way, or begins one. Only who would wait equally long waits together. */
  async #share(key: string, sql: string, options: QueryOptions): Promise<QueryResult> {
    const runningKey = `${options.timeoutMs ?? ''} ${key}`;
    const running = this.#running.get(runningKey) ?? this.#begin(runningKey, key, sql, options);
    running.waiting += 1;
    try {
      return await abortable(running.result, options.signal);
    } finally {
      running.waiting -= 1;
      if (running.waiting === 0) {
        if (this.#running.get(runningKey) === running) this.#running.delete(runningKey);
        running.abort.abort();
      }
    }
  }

  #begin(runningKey: string, key: string, sql: string, options: QueryOptions): Running {
    const abort = new AbortController();
    const result = this.#inner.query(sql, { ...options, signal: abort.signal });
    const running: Running = { result, abort, waiting: 0 };
    this.#running.set(runningKey, running);
    result.then(
      (value) => this.#keep(key, value),
      () => undefined,
    );
    return running;
  }

  #keep(key: string, result: QueryResult): void {
    const cells = cellsOf(result);
    if (this.#closed || cells > this.#maximumCells / 4 || this.#kept.has(key)) return;
    this.#kept.set(key, { result, cells });
    this.#cells += cells;
    for (const [oldest, kept] of this.#kept) {
      if (this.#kept.size <= this.#maximumEntries && this.#cells <= this.#maximumCells) break;
      this.#kept.delete(oldest);
      this.#cells -= kept.cells;
    }
  }
}

function cellsOf(result: QueryResult): number {
  let cells = 1;
  for (const row of result.rows)
    for (const name in row) {
      const cell = row[name];
      cells += typeof cell === 'string' ? 1 + cell.length / 16 : 1;
    }
  return cells;
}

function abortable<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
