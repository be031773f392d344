import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Content } from '../encryption/content.ts';
import type { SqlRow, WriteSql, Written } from './database.ts';

/** The statements of a connection, each prepared once. */
export class Statements implements WriteSql {
  readonly content: Content;
  readonly #connection: DatabaseSync;
  readonly #reading = new Map<string, StatementSync>();
  readonly #writing = new Map<string, StatementSync>();

  constructor(connection: DatabaseSync, content: Content) {
    this.#connection = connection;
    this.content = content;
  }

  run(sql: string, ...values: SQLInputValue[]): Written {
    const { changes, lastInsertRowid } = this.#statement(sql, this.#writing).run(...values);
    return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) };
  }

  get<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#statement(sql, this.#reading).get(...values) as T | undefined;
  }

  all<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#statement(sql, this.#reading).all(...values) as T[];
  }

  /** Lets go of them, before the connection is closed. */
  clear(): void {
    this.#reading.clear();
    this.#writing.clear();
  }

  #statement(sql: string, prepared: Map<string, StatementSync>): StatementSync {
    let statement = prepared.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      // Full-text search writes rows of its own whose numbers are above 2^53, and as the last row inserted one would be an error.
      if (prepared === this.#writing) statement.setReadBigInts(true);
      prepared.set(sql, statement);
    }
    return statement;
  }
}
