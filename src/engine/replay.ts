import type { SignalboxError } from '../core/errors.ts';
import { childRunId } from './child-run-id.ts';
import { type Fact, type OperationKind, operationLimit, type StampedFact, type Step } from './engine.ts';
import { executing } from './executing.ts';
import type { Flow } from './flow.ts';
import { type KeptError, keepError, revivedError } from './kept-error.ts';
import { runCancelled, tooManyOperations } from './refusals.ts';
import { factsOfAttempt } from './stamped-facts.ts';
import type { OperatingRun } from './step.ts';

/** What a replay asks of the journal, which somebody else keeps. */
export interface ReplayedJournal {
  /** What is wrong, if the journal has another operation at this position than the one that the flow calls. */
  mismatch(called: Pick<Operation, 'position' | 'kind' | 'name'>): SignalboxError | undefined;
  /** Whether the flow has never been further than this position. */
  endsBefore(position: number): boolean;
  /** Keeps, if `isNew`, that the run takes the new way of a patch; returns whether it takes it. */
  isPatched(name: string, isNew: boolean): Promise<boolean>;
  /** There is something to tell the flow, or it has ended. */
  ring(): void;
}

export type FlowEnd = { readonly output: unknown } | { readonly error: unknown };

/**
 * A flow that is called from its beginning over a journal that somebody else keeps: each operation that it calls takes the next
 * position, and what has ended reaches it one at a time, each after it has done all that it can with the one before. In which
 * order things end is the journal's to say, so that every replay takes the same way.
 */
export class Replay implements OperatingRun<Operation> {
  readonly runId: string;
  now: number;
  readonly #journal: ReplayedJournal;
  readonly #signalWaits = new Map<string, number>();
  readonly #patches = new Map<string, Promise<boolean>>();
  readonly #open = new Map<number, Operation>();
  readonly #deliveries: (() => void | Promise<void>)[] = [];
  #nextPosition = 0;
  #hasBegun = false;
  #end: FlowEnd | undefined;

  /** `beginsAt` is the time before the first operation, in milliseconds since the epoch. */
  constructor(runId: string, beginsAt: number, journal: ReplayedJournal) {
    this.runId = runId;
    this.now = beginsAt;
    this.#journal = journal;
  }

  /** Calls the flow. */
  begin(flow: Flow, step: Step, input: unknown): void {
    this.#hasBegun = true;
    const call = async () => await flow.run(step, input);
    executing({ flow: flow.name, runId: this.runId }, call).then(
      (output) => this.endWith({ output }),
      (error) => this.endWith({ error }),
    );
  }

  /** How the flow has ended, or why it was not to begin. */
  get end(): FlowEnd | undefined {
    return this.#end;
  }

  /** The first end stands. */
  endWith(end: FlowEnd): void {
    this.#end ??= end;
    this.#journal.ring();
  }

  get hasOpenOperations(): boolean {
    return this.#open.size > 0;
  }

  /** How many operations the flow has called. */
  get length(): number {
    return this.#nextPosition;
  }

  open<T>(kind: OperationKind, name: string, begin: (operation: Operation) => void): Promise<T> {
    if (this.#end !== undefined) return new Promise(() => {});
    const position = this.#nextPosition++;
    const operation = new Operation(position, kind, name, (at) => this.#closed(operation, at));
    const mismatch = this.#journal.mismatch(operation);
    if (mismatch !== undefined) this.endWith({ error: mismatch });
    else if (position >= operationLimit) this.endWith({ error: tooManyOperations(name) });
    else {
      this.#open.set(position, operation);
      begin(operation);
      this.#journal.ring();
    }
    return operation.promise as Promise<T>;
  }

  #closed({ position }: Operation, at: number | undefined): void {
    this.#open.delete(position);
    this.now = Math.max(this.now, at ?? this.now);
  }

  /** Calls `deliver` when its turn has come, for what ends without waiting for the journal. */
  later(deliver: () => void | Promise<void>): void {
    this.#deliveries.push(deliver);
    this.#journal.ring();
  }

  get hasDeliveries(): boolean {
    return this.#deliveries.length > 0;
  }

  /** Makes the next delivery, if there is one; returns whether. */
  async deliver(): Promise<boolean> {
    const deliver = this.#deliveries.shift();
    if (deliver === undefined) return false;
    await deliver();
    return true;
  }

  /** What `prepare` returns; undefined when it throws: the operation fails with that when its turn has come. */
  prepared<T>(operation: Operation, prepare: () => T): T | undefined {
    try {
      return prepare();
    } catch (error) {
      this.later(() => operation.reject(keepError(error, 'step_failed')));
      return undefined;
    }
  }

  /** What a run that an operation starts is started with. It writes the facts too before it begins: they are durable with its start. */
  childOf(operation: Operation, facts: readonly Fact[]) {
    const { runId, now: createdAt } = this;
    const child = childRunId(runId, operation.position, createdAt);
    return { runId: child, createdAt, facts: this.stamp(operation, 0, facts, createdAt) };
  }

  stamp({ position }: Operation, attempt: number, facts: readonly Fact[], at: number): StampedFact[] {
    return factsOfAttempt(this.runId, position, attempt, facts, at);
  }

  patched(name: string): Promise<boolean> {
    const given = this.#patches.get(name);
    if (given !== undefined) return given;
    const isNew = this.#journal.endsBefore(this.#nextPosition);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.later(async () => resolve(await this.#journal.isPatched(name, isNew)));
    this.#patches.set(name, promise);
    return promise;
  }

  nextOccurrence(signal: string): number {
    const occurrence = (this.#signalWaits.get(signal) ?? 0) + 1;
    this.#signalWaits.set(signal, occurrence);
    return occurrence;
  }

  /** Ends all that the flow waits for, except for children, which are asked to cancel themselves and then end the call. */
  async cancel(reason: string): Promise<void> {
    const cancelled = runCancelled(reason);
    if (!this.#hasBegun) {
      this.endWith({ error: cancelled });
      return;
    }
    for (const operation of [...this.#open.values()]) {
      if (operation.cancelChild === undefined) this.#cancelOperation(operation, cancelled);
      else await operation.cancelChild(reason);
    }
  }

  #cancelOperation(operation: Operation, cancelled: SignalboxError): void {
    const error = keepError(cancelled, 'run_cancelled');
    operation.forget();
    operation.abort?.(cancelled);
    this.later(() => {
      if (!operation.ended) operation.reject(error);
    });
  }

  /** Ends what executes of the operations that are open. */
  abort(reason: Error): void {
    for (const operation of this.#open.values()) operation.abort?.(reason);
  }
}

/** An operation that the flow has called. */
export class Operation {
  readonly position: number;
  readonly kind: OperationKind;
  readonly name: string;
  ended = false;
  /** Ends what executes of it. */
  abort?: (reason: Error) => void;
  /** Asks the run that it waits for to cancel itself. */
  cancelChild?: (reason: string) => Promise<void>;
  readonly #settled = Promise.withResolvers<unknown>();
  readonly #forgets: (() => void)[] = [];
  readonly #closed: (at: number | undefined) => void;

  constructor(position: number, kind: OperationKind, name: string, closed: (at: number | undefined) => void) {
    this.position = position;
    this.kind = kind;
    this.name = name;
    this.#closed = closed;
    // A flow may stop listening to this one (it lost a race): its rejection is nobody's then, and no alarm.
    this.#settled.promise.catch(() => {});
  }

  get promise(): Promise<unknown> {
    return this.#settled.promise;
  }

  /** Notes how to wait no longer for an entry of the journal. */
  waitsFor(forget: () => void): void {
    this.#forgets.push(forget);
  }

  /** Waits no longer for what it waits for. */
  forget(): void {
    for (const forget of this.#forgets) forget();
  }

  /** Gives the flow its value, which became durable at `at`: milliseconds since the epoch, if known. */
  resolve(value: unknown, at?: number): void {
    this.#close(at);
    this.#settled.resolve(value);
  }

  reject(error: KeptError, at?: number): void {
    this.#close(at);
    this.#settled.reject(revivedError(error));
  }

  #close(at: number | undefined): void {
    this.ended = true;
    this.forget();
    this.#closed(at);
  }
}
