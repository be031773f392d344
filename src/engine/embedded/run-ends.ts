import { messageOf } from '../../core/errors.ts';
import type { Sql } from '../../sqlite/database.ts';
import { closingFacts } from '../closing-facts.ts';
import { type EndedStatus, hasEnded, type StampedFact } from '../engine.ts';
import type { FlowRegistry } from '../flow-registry.ts';
import type { KeptError } from '../kept-error.ts';
import type { EngineObserver } from '../observer.ts';
import type { Completion } from './call.ts';
import type { FactWriter } from './facts.ts';
import {
  endRun,
  endWaiting,
  nextSequence,
  operationsOf,
  type RunRow,
  runById,
  setStatus,
} from './journal.ts';
import { toOperation } from './queries.ts';
import type { Residents } from './residents.ts';

/** The durable end of an operation of a run, to be given to the run. */
export interface EndedWait {
  readonly run: number;
  readonly flow: string;
  readonly priority: number;
  readonly completion: Completion;
}

export interface RunEnd {
  readonly output?: string;
  readonly error?: KeptError;
}

/** Writes the ends of runs, and of what others wait for, into the journal. */
export class RunEnds {
  readonly #residents: Residents;
  readonly #flows: FlowRegistry;
  readonly #writeFacts: FactWriter;
  readonly #clock: () => number;
  readonly #observer: EngineObserver;

  /** How many runs this process has ended from outside. */
  abandoned = 0;

  constructor(of: {
    residents: Residents;
    flows: FlowRegistry;
    writeFacts: FactWriter;
    clock: () => number;
    observer: EngineObserver;
  }) {
    this.#residents = of.residents;
    this.#flows = of.flows;
    this.#writeFacts = of.writeFacts;
    this.#clock = of.clock;
    this.#observer = of.observer;
  }

  /** Ends a run in the journal, and the operation of the parent that waits for it. */
  endRun(sql: Sql, id: number, status: EndedStatus, end: RunEnd): EndedWait | undefined {
    const at = this.#clock();
    const error = end.error === undefined ? null : JSON.stringify(end.error);
    if (!endRun(sql, id, { status, output: end.output ?? null, error, at })) return undefined;
    const { parent, parent_position: position } = runById(sql, id)!;
    if (parent === null) return undefined;
    return this.endWait(sql, { run: parent, position: position! }, { result: end.output ?? null, error });
  }

  /** Cancels a run whose code does not run again, and closes on the record what it stood for. */
  abandonRun(sql: Sql, id: number, error: KeptError): EndedWait | undefined {
    const row = runById(sql, id)!;
    if (hasEnded(row.status)) return undefined;
    const facts = this.#closingFacts(sql, row, error);
    if (facts.length > 0) this.#writeFacts(sql, facts);
    this.#residents.get(id)?.writes.runEnded();
    this.abandoned += 1;
    return this.endRun(sql, id, 'cancelled', { error });
  }

  /** What the flow says of it; nothing when it can't, because a run must be able to end whatever its code does. */
  #closingFacts(sql: Sql, row: RunRow, { code, message }: KeptError): readonly StampedFact[] {
    try {
      const flow = this.#flows.find(row.flow, row.version);
      const input: unknown = JSON.parse(row.input);
      const history = operationsOf(sql, row.id).map(toOperation);
      const of = { input, error: { code, message }, at: this.#clock(), isRestart: row.restart_of !== null };
      return closingFacts(flow, row.run_id, { ...of, history });
    } catch (error) {
      const { flow, run_id: runId } = row;
      this.#observer.runFailed(flow, runId, `The facts of its end could not be made: ${messageOf(error)}`);
      return [];
    }
  }

  /** Ends an operation that waits. Undefined when it has ended already. */
  endWait(
    sql: Sql,
    at: { run: number; position: number },
    end: { result: string | null; error: string | null },
  ): EndedWait | undefined {
    const endedAt = this.#clock();
    const sequence = this.#residents.get(at.run)?.takeSequence() ?? nextSequence(sql, at.run);
    if (!endWaiting(sql, at, { sequence, ...end, endedAt })) return undefined;
    setStatus(sql, at.run, 'waiting', 'queued');
    const { flow, priority, ended_at: runEndedAt } = runById(sql, at.run)!;
    if (runEndedAt !== null) return undefined;
    const outcome =
      end.error === null ? { value: parsed(end.result) } : { error: JSON.parse(end.error) as KeptError };
    const completion = { position: at.position, sequence, endedAt, ...outcome };
    return { run: at.run, flow, priority, completion };
  }
}

function parsed(result: string | null): unknown {
  return result === null ? undefined : JSON.parse(result);
}
