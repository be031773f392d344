import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { destroyPrepared } from './prepared-statements.ts';

interface Waiter {
  readonly signal: AbortSignal;
  readonly give: (connection: DuckDBConnection) => void;
}

/**
 * The connections of one open database. Each runs one query at a time; who finds none free waits in line, and leaves the
 * line when its signal says so. A pool that is retired lets its queries finish and then lets go of the file.
 */
export class ConnectionPool {
  readonly #instance: DuckDBInstance;
  readonly #size: number;
  readonly #idle: DuckDBConnection[] = [];
  readonly #waiting: Waiter[] = [];
  readonly #drained = Promise.withResolvers<void>();
  #open = 0;
  #lent = 0;
  #retired = false;
  #closed = false;

  constructor(instance: DuckDBInstance, size: number) {
    this.#instance = instance;
    this.#size = size;
  }

  /** Lends a connection for as long as `work` runs; `signal` ends the waiting, not the work. */
  async use<Result>(
    signal: AbortSignal,
    work: (connection: DuckDBConnection) => Promise<Result>,
  ): Promise<Result> {
    this.#lent += 1;
    try {
      const connection = await this.#take(signal);
      try {
        return await work(connection);
      } finally {
        this.#giveBack(connection);
      }
    } finally {
      this.#lent -= 1;
      this.#letGoWhenDone();
    }
  }

  /** No new work is coming; resolves once the last work is over and the file is closed. */
  retire(): Promise<void> {
    this.#retired = true;
    this.#letGoWhenDone();
    return this.#drained.promise;
  }

  async #take(signal: AbortSignal): Promise<DuckDBConnection> {
    signal.throwIfAborted();
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#open >= this.#size) return this.#wait(signal);
    this.#open += 1;
    try {
      return await this.#instance.connect();
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
  }

  #wait(signal: AbortSignal): Promise<DuckDBConnection> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        signal,
        give: (connection) => {
          signal.removeEventListener('abort', leave);
          resolve(connection);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #giveBack(connection: DuckDBConnection): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(connection);
    else next.give(connection);
  }

  #letGoWhenDone(): void {
    if (!this.#retired || this.#closed || this.#lent > 0) return;
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) {
      destroyPrepared(connection);
      connection.closeSync();
    }
    this.#instance.closeSync();
    this.#drained.resolve();
  }
}
