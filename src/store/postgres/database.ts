import { setTimeout as pause } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { SignalboxError } from '../../core/errors.ts';
import { jitter } from '../../core/retry.ts';
import type { Secret } from '../../core/secret.ts';
import { asStorageFailure, transientKind } from './failure.ts';

export interface PostgresOptions {
  readonly url: Secret;
  /** The variable that the URL came from, for messages. */
  readonly variable: string;
  /** Connections at most; default 10. */
  readonly poolSize?: number;
  /** For one statement on the server; default 15 s. */
  readonly statementTimeoutMs?: number;
  /** How long a call waits for a server that is away (a restart, a fail-over); default 30 s. */
  readonly patienceMs?: number;
}

export type SqlValue = string | number | boolean | null | readonly (string | number | boolean | null)[];

/** One transaction. */
export interface Transaction {
  all<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<Row[]>;
  run(text: string, values?: readonly SqlValue[]): Promise<number>;
}

/** Before the second, third, … attempt; the last repeats while there is patience. */
const delaysMs = [20, 50, 100, 200, 400, 800];

/**
 * A pool of connections to a server that may be restarted or replaced at any time. Every statement runs in an explicit
 * transaction that carries its own settings and leaves nothing on the connection (no session settings, no named
 * statements, no session locks, no LISTEN), so that PgBouncer in transaction mode may stand between.
 *
 * A transaction that meets a connection error or a conflict is run again, whole, also when the outcome of its COMMIT is
 * not known: what it does must be once also when it is done twice.
 */
export class PostgresDatabase {
  /** Host, port and database, for messages; never the password. */
  readonly server: string;
  readonly #pool: Pool;
  readonly #settings: string;
  readonly #patienceMs: number;
  readonly #closing = new AbortController();

  constructor(pool: Pool, server: string, options: Omit<PostgresOptions, 'url'>) {
    this.#pool = pool;
    this.server = server;
    this.#settings = `SET LOCAL statement_timeout = ${Math.ceil(options.statementTimeoutMs ?? 15_000)}`;
    this.#patienceMs = options.patienceMs ?? 30_000;
  }

  /** Reads one snapshot. */
  read<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#persistently('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', work);
  }

  /** Every statement sees what is committed when it begins. `work` may be run again. */
  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#persistently(`BEGIN ISOLATION LEVEL READ COMMITTED; ${durably}`, work);
  }

  /** Waits for what runs, then lets go of the connections. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#pool.end();
  }

  async #persistently<T>(begin: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const until = Date.now() + this.#patienceMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(begin, work);
      } catch (error) {
        const delayMs = jitter(delaysMs[Math.min(attempt, delaysMs.length - 1)]!, Math.random());
        const again = transientKind(error) !== undefined && Date.now() + delayMs < until;
        if (!again || this.#closing.signal.aborted) throw asStorageFailure(error, this.server);
        await pause(delayMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }

  async #once<T>(begin: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (this.#closing.signal.aborted) {
      throw new SignalboxError(
        'shutting_down',
        `The connections to PostgreSQL at ${this.server} are closed.`,
      );
    }
    const client = await this.#pool.connect();
    let broken = false;
    try {
      await client.query(`${begin}; ${this.#settings}`);
      const result = await work(new OpenTransaction(client));
      await client.query('COMMIT');
      return result;
    } catch (error) {
      broken = transientKind(error) === 'connection' || !(await rolledBack(client));
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

/** A server that is set to answer before a commit is on disk is asked not to, for what is promised to be durable. */
const durably = `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`;

async function rolledBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

class OpenTransaction implements Transaction {
  readonly #client: PoolClient;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  async all<Row extends object>(text: string, values: readonly SqlValue[] = []): Promise<Row[]> {
    return (await this.#client.query<Row>(text, values.map(storable))).rows;
  }

  async run(text: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.#client.query(text, values.map(storable))).rowCount ?? 0;
  }
}

/** PostgreSQL has no NUL in a text; the character that stands for what cannot be shown takes its place. */
function storable(value: SqlValue): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '\u{FFFD}');
  return Array.isArray(value) ? value.map(storable) : value;
}
