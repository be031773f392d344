import type { StampedFact } from '../../engine/engine.ts';
import type { RecordedEvent } from '../../record/events.ts';
import { appendFacts } from './append.ts';
import type { PostgresDatabase } from './database.ts';

interface Waiting {
  readonly facts: readonly StampedFact[];
  readonly done: PromiseWithResolvers<void>;
}

/** In one transaction, so that a long wait for the server is not followed by one that takes as long. */
const batchLimit = 1_000;

/**
 * Group commit: what is appended while a transaction is on its way goes together in the next one. A group that is refused is
 * written again call by call, so that only the call with the fault fails.
 */
export class AppendQueue {
  readonly #database: PostgresDatabase;
  readonly #publish: (events: readonly RecordedEvent[]) => void;
  #waiting: Waiting[] = [];
  #writing = false;

  constructor(database: PostgresDatabase, publish: (events: readonly RecordedEvent[]) => void) {
    this.#database = database;
    this.#publish = publish;
  }

  append(facts: readonly StampedFact[]): Promise<void> {
    if (facts.length === 0) return Promise.resolve();
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ facts, done });
    if (!this.#writing) void this.#writeAll();
    return done.promise;
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      await this.#write(group).catch((error: unknown) => this.#writeSingly(group, error));
    }
    this.#writing = false;
  }

  /** At least one call, and at most as many as make up a batch. */
  #takeGroup(): Waiting[] {
    let end = 0;
    for (let facts = 0; end < this.#waiting.length; end++) {
      facts += this.#waiting[end]!.facts.length;
      if (end > 0 && facts > batchLimit) break;
    }
    return this.#waiting.splice(0, end);
  }

  async #writeSingly(group: readonly Waiting[], error: unknown): Promise<void> {
    for (const each of group) {
      if (group.length === 1 || (error as { retryable?: boolean }).retryable) each.done.reject(error);
      else await this.#write([each]).catch(each.done.reject);
    }
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const facts = group.flatMap((each) => each.facts);
    // By id: what a try wrote whose COMMIT was not answered is there already when it is written again.
    const written = new Map<string, RecordedEvent>();
    await this.#database.write(async (sql) => {
      for (const event of await appendFacts(sql, facts))
        written.set(`${event.trackingId}\n${event.id}`, event);
    });
    this.#publish([...written.values()]);
    for (const each of group) each.done.resolve();
  }
}
