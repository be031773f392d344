import type { Sql } from '../../sqlite/database.ts';
import type { Fact, StampedFact } from '../engine.ts';
import type { KeptError } from '../kept-error.ts';
import { factsOfAttempt } from '../stamped-facts.ts';
import type { Call, Completion } from './call.ts';
import type { Execution } from './execution.ts';
import { putEnded } from './journal.ts';
import { Patches } from './patches.ts';

/** How an operation ends by what the run itself does. */
export interface OperationEnd {
  readonly value?: unknown;
  /** The value, as the journal has it. */
  readonly result?: string | null;
  readonly error?: KeptError;
  readonly cause?: unknown;
  readonly facts?: readonly Fact[];
  /** Written with it. */
  readonly also?: (sql: Sql) => void;
}

/** What a write comes to that something else has overtaken: nothing was written. */
const overtaken = Symbol('overtaken');

/**
 * What a run in memory writes into the journal for its operations. Others write there too: a request to cancel ends operations, and the end of
 * a run leaves nothing to write. Whoever is first in the journal stands, and what comes later is not written.
 */
export class OperationWrites {
  readonly patches: Patches;
  readonly #execution: Execution;
  /** Operations that others have ended in the journal, of which the flow may not know yet. */
  readonly #endedByOthers = new Set<number>();
  #hasEndedInJournal = false;

  constructor(execution: Execution, patches: string | null) {
    this.#execution = execution;
    this.patches = new Patches(execution.id, patches);
  }

  /**
   * Writes for an operation. What `work` returns, if anything, is the end of the operation and goes to the flow once it is
   * durable; `afterwards` runs just before.
   */
  commit(call: Call, work: (sql: Sql) => Completion | undefined, afterwards?: () => void): void {
    const execution = this.#execution;
    execution.setBusy(call, true);
    const { unwritten } = this.patches;
    const write = this.patches.with(work);
    execution.host
      .write((sql) => (this.#isOvertaken(call) ? overtaken : write(sql)))
      .then(
        (completion) => {
          execution.setBusy(call, false);
          if (completion === overtaken) return execution.scheduleTurn();
          this.patches.written(unwritten);
          afterwards?.();
          if (completion === undefined) execution.scheduleTurn();
          else execution.complete(completion);
        },
        (error) => execution.state !== 'gone' && execution.host.writeFailed(execution, error),
      );
  }

  /** Writes the end of an operation, with its facts, and gives it to the flow. */
  end(call: Call, end: OperationEnd): void {
    const { id: run, host } = this.#execution;
    const endedAt = host.clock();
    this.commit(call, (sql) => {
      const { position, kind, name, attempts, startedAt } = call;
      const sequence = this.#execution.takeSequence();
      const result = end.result ?? null;
      const error = end.error === undefined ? null : JSON.stringify(end.error);
      const ended = { run, position, kind, name, attempts, startedAt, sequence, result, error, endedAt };
      if (!putEnded(sql, { ...ended, target: null })) return undefined;
      end.also?.(sql);
      if (end.facts?.length) host.writeFacts(sql, this.stamp(call, end.facts, endedAt));
      const { value, cause } = end;
      return { position, sequence, endedAt, value, ...(end.error && { error: end.error, cause }) };
    });
  }

  /** Goes on with an operation once what it refers to is durable; at once when that is nothing. */
  whenStored(call: Call, store: (() => Promise<void>) | undefined, next: () => void): void {
    if (store === undefined) {
      next();
      return;
    }
    const execution = this.#execution;
    execution.setBusy(call, true);
    store().then(
      () => execution.state !== 'gone' && next(),
      (error) => execution.state !== 'gone' && execution.host.valueFailed(execution, error),
    );
  }

  stamp({ position, attempts }: Call, facts: readonly Fact[], at: number): StampedFact[] {
    return factsOfAttempt(this.#execution.runId, position, attempts, facts, at);
  }

  #isOvertaken({ position }: Call): boolean {
    return this.#hasEndedInJournal || this.#endedByOthers.has(position);
  }

  /** To be called in the transaction that ends an operation from outside: whatever else would be written for it comes too late. */
  operationEnded(position: number): void {
    this.#endedByOthers.add(position);
  }

  /** The flow knows of the end of an operation, whoever ended it. */
  told(position: number): void {
    this.#endedByOthers.delete(position);
  }

  /** To be called in the transaction that ends the run from outside: nothing more is written for it. */
  runEnded(): void {
    this.#hasEndedInJournal = true;
  }

  /** Whether something of it was ended from outside that it has not been told of. */
  get isChangedFromOutside(): boolean {
    return this.#hasEndedInJournal || this.#endedByOthers.size > 0;
  }
}
