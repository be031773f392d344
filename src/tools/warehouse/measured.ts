import { canonicalTables } from './schema.ts';
import type { QueryOptions, QueryResult, TableDescription, Warehouse } from './warehouse.ts';

/** What came of an operation. */
export interface MeasuredOperation {
  readonly operationType: 'query';
  /** The first of the canonical tables that the statement reads; `other` when there is none. */
  readonly tableName: string;
  readonly durationMs: number;
  /** Rows that came back. */
  readonly recordCount: number;
  readonly succeeded: boolean;
}

/** Tells of every query that reaches the warehouse behind it. */
export class MeasuredWarehouse implements Warehouse {
  readonly #inner: Warehouse;
  readonly #onOperation: (operation: MeasuredOperation) => void;

  constructor(inner: Warehouse, onOperation: (operation: MeasuredOperation) => void) {
    this.#inner = inner;
    this.#onOperation = onOperation;
  }

  async query(sql: string, options?: QueryOptions): Promise<QueryResult> {
    const startedMs = performance.now();
    const tell = (result: Pick<MeasuredOperation, 'recordCount' | 'succeeded'>) => {
      const durationMs = performance.now() - startedMs;
      this.#onOperation({ operationType: 'query', tableName: tableOf(sql), durationMs, ...result });
    };
    try {
      const result = await this.#inner.query(sql, options);
      tell({ recordCount: result.rows.length, succeeded: true });
      return result;
    } catch (error) {
      tell({ recordCount: 0, succeeded: false });
      throw error;
    }
  }

  tables(): Promise<readonly TableDescription[]> {
    return this.#inner.tables();
  }

  revision(): string {
    return this.#inner.revision();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

const names = new Set<string>(canonicalTables.map(({ name }) => name));

export function tableOf(sql: string): string {
  for (const [, name = ''] of sql.matchAll(/\b(?:from|join)\s+"?(\w+)"?/gi)) {
    if (names.has(name.toLowerCase())) return name.toLowerCase();
  }
  return 'other';
}
