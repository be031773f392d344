import { openRow, type SealedTable } from '../../encryption/sealed-table.ts';
import type { Sql, SqlRow } from '../../sqlite/database.ts';
import { conversationContent, eventContent, sourceContent } from '../content.ts';

/** An event as it is kept: `data` is the very text. */
export interface CopiedEvent {
  readonly sequence: number;
  readonly id: string;
  readonly tracking_id: string;
  readonly type: string;
  readonly at: number;
  readonly data: string;
}

const pieceEvents = 2_000;
const pieceBytes = 4 * 1_048_576;

/** The record in the file of a data folder that no server uses. */
export class CopySource {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Its first events, by which a copy of it is known again, also when some of them have been removed since. */
  firstEvents(): Pick<CopiedEvent, 'sequence' | 'id' | 'tracking_id'>[] {
    return this.#sql.all('SELECT sequence, id, tracking_id FROM events ORDER BY sequence LIMIT 1000');
  }

  count(): { readonly events: number; readonly last: number } {
    const text = 'SELECT count(*) AS events, coalesce(max(sequence), 0) AS last FROM events';
    return this.#sql.get<{ events: number; last: number }>(text)!;
  }

  countAfter(sequence: number): number {
    const text = 'SELECT count(*) AS n FROM events WHERE sequence > ?';
    return this.#sql.get<{ n: number }>(text, sequence)!.n;
  }

  /** At least one, if there is one, and not more than what fits well into one transaction. */
  eventsAfter(sequence: number): CopiedEvent[] {
    const text =
      'SELECT sequence, id, tracking_id, type, at, data FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?';
    const events: CopiedEvent[] = [];
    let bytes = 0;
    for (let after = sequence; events.length < pieceEvents && bytes < pieceBytes; ) {
      // By the hundred: single events may be large.
      const some = this.#sql
        .all<CopiedEvent>(text, after, 100)
        .map((event) => this.#opened(eventContent, event));
      events.push(...some);
      if (some.length < 100) break;
      bytes += some.reduce((sum, event) => sum + event.data.length, 0);
      after = some.at(-1)!.sequence;
    }
    return events;
  }

  conversations(trackingIds: readonly string[]): SqlRow[] {
    const text =
      'SELECT * FROM conversations WHERE tracking_id IN (SELECT value FROM json_each(?)) ORDER BY id';
    const rows = this.#sql.all(text, JSON.stringify(trackingIds));
    return rows.map((row) => this.#opened(conversationContent, row));
  }

  conversationsAfter(id: number, limit: number): SqlRow[] {
    const rows = this.#sql.all('SELECT * FROM conversations WHERE id > ? ORDER BY id LIMIT ?', id, limit);
    return rows.map((row) => this.#opened(conversationContent, row));
  }

  rowsOf(table: 'disabled_endpoints' | 'sources' | 'api_keys'): SqlRow[] {
    const rows = this.#sql.all(`SELECT * FROM ${table}`);
    return table === 'sources' ? rows.map((row) => this.#opened(sourceContent, row)) : rows;
  }

  #opened<Row extends object>(table: SealedTable, row: Row): Row {
    return openRow(this.#sql.content, table, row);
  }

  /** Runs that have not ended, and dead letters that were not started anew: both stay with the engine that they are in. */
  remaining(): { readonly unfinishedRuns: number; readonly deadLetters: number } {
    const of = (condition: string) =>
      this.#sql.get<{ n: number }>(`SELECT count(*) AS n FROM runs WHERE ${condition}`)!.n;
    return {
      unfinishedRuns: of('ended_at IS NULL'),
      deadLetters: of(`status = 'failed' AND restarted_as IS NULL AND parent IS NULL`),
    };
  }
}
