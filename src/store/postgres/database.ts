import { setTimeout as pause } from 'node:timers/promises';
import type { Pool, PoolClient, QueryResult } from 'pg';
import { SignalboxError } from '../../core/errors.ts';
import { jitter } from '../../core/retry.ts';
import type { Secret } from '../../core/secret.ts';
import { type Content, plainContent } from '../../encryption/content.ts';
import { asStorageFailure, transientKind } from './failure.ts';
import { storable } from './storable.ts';

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
  /** Default: without a key. */
  readonly content?: Content;
}

export type SqlValue = string | number | boolean | null | readonly (string | number | boolean | null)[];

/** One transaction. */
export interface Transaction {
  /** What values of content pass through, to the server and back. */
  readonly content: Content;
  all<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<Row[]>;
  run(text: string, values?: readonly SqlValue[]): Promise<number>;
}

type Work<T> = (transaction: Transaction) => Promise<T>;

/** How long one statement may take, and how long a server is waited for. */
interface Limits {
  readonly statementTimeoutMs: number;
  readonly patienceMs: number;
}

export const defaultStatementTimeoutMs = 15_000;

/** The server gives up first; this is for one that says nothing any more. */
export const silenceMsFor = (statementTimeoutMs: number): number => statementTimeoutMs + 5_000;

/** Before the second, third, … attempt; the last repeats while there is patience. */
const delaysMs = [20, 50, 100, 200, 400, 800];

/** Gives the transaction a number of its own, which its end writes into the log. */
const numbered = `SELECT txid_current(), current_setting('transaction_read_only') AS mode`;

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
  readonly content: Content;
  readonly #pool: Pool;
  readonly #limits: Limits;
  readonly #closing = new AbortController();

  constructor(pool: Pool, server: string, options: Omit<PostgresOptions, 'url'>) {
    this.#pool = pool;
    this.server = server;
    this.content = options.content ?? plainContent;
    const { statementTimeoutMs = defaultStatementTimeoutMs, patienceMs = 30_000 } = options;
    this.#limits = { statementTimeoutMs, patienceMs };
  }

  /** Reads one snapshot. */
  read<T>(work: Work<T>, limits?: Partial<Limits>): Promise<T> {
    return this.#persistently('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', work, limits);
  }

  /** Every statement sees what is committed when it begins. `work` may be run again. */
  write<T>(work: Work<T>, limits?: Partial<Limits>): Promise<T> {
    return this.#persistently(`BEGIN ISOLATION LEVEL READ COMMITTED; ${durably}`, work, limits);
  }

  /** What keeps the server from taking writes now, if anything does: a transaction of its own is written, which changes nothing. */
  async problem(withinMs = 2_000): Promise<Error | undefined> {
    const limits = { patienceMs: 0, statementTimeoutMs: withinMs };
    const seen = this.write(async (sql) => {
      const [{ mode } = {}] = await sql.all<{ mode: string }>(numbered);
      if (mode === 'on') throw new Error(`PostgreSQL at ${this.server} takes no writes: it is read-only.`);
    }, limits);
    const late = pause(withinMs, undefined, { ref: false }).then(() => {
      throw new Error(`PostgreSQL at ${this.server} has not answered within ${withinMs} ms.`);
    });
    return Promise.race([seen, late]).then(
      () => undefined,
      (error: Error) => error,
    );
  }

  /** Waits for what runs, then lets go of the connections. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#pool.end();
  }

  async #persistently<T>(begin: string, work: Work<T>, own?: Partial<Limits>): Promise<T> {
    const limits = { ...this.#limits, ...own };
    const until = Date.now() + limits.patienceMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(begin, work, limits);
      } catch (error) {
        const delayMs = jitter(delaysMs[Math.min(attempt, delaysMs.length - 1)]!, Math.random());
        const again = transientKind(error) !== undefined && Date.now() + delayMs < until;
        if (!again || this.#closing.signal.aborted) throw asStorageFailure(error, this.server);
        await pause(delayMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }

  async #once<T>(begin: string, work: Work<T>, { statementTimeoutMs }: Limits): Promise<T> {
    if (this.#closing.signal.aborted) {
      throw new SignalboxError(
        'shutting_down',
        `The connections to PostgreSQL at ${this.server} are closed.`,
      );
    }
    const client = await this.#pool.connect();
    let broken = false;
    try {
      await client.query(`${begin}; ${limited(statementTimeoutMs)}`);
      const result = await work(new OpenTransaction(client, silenceMsFor(statementTimeoutMs), this.content));
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

/**
 * For a statement, and for a client that says nothing more in the middle of a transaction: one that is stopped, or cut off, would keep its
 * locks until the server's system misses it, which takes hours. Half, so that whoever waits for such a lock gets it in time.
 */
const limited = (statementMs: number) =>
  `SET LOCAL statement_timeout = ${Math.ceil(statementMs)}; SET LOCAL idle_in_transaction_session_timeout = ${Math.ceil(statementMs / 2)}`;

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
  readonly #silenceMs: number;
  readonly content: Content;

  constructor(client: PoolClient, silenceMs: number, content: Content) {
    this.content = content;
    this.#client = client;
    this.#silenceMs = silenceMs;
  }

  async all<Row extends object>(text: string, values: readonly SqlValue[] = []): Promise<Row[]> {
    return (await this.#query<Row>(text, values)).rows;
  }

  async run(text: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.#query(text, values)).rowCount ?? 0;
  }

  #query<Row extends object>(text: string, values: readonly SqlValue[]): Promise<QueryResult<Row>> {
    // Without values it may be several statements. A timeout of one query is not in the types.
    const config = {
      text,
      query_timeout: this.#silenceMs,
      ...(values.length > 0 && { values: values.map(storableValue) }),
    };
    return this.#client.query<Row>(config);
  }
}

function storableValue(value: SqlValue): unknown {
  if (typeof value === 'string') return storable(value);
  return Array.isArray(value) ? value.map(storableValue) : value;
}
