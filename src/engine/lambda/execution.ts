import { setImmediate as turn } from 'node:timers/promises';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { SignalboxError } from '../../core/errors.ts';
import { DeterministicSource } from '../deterministic.ts';
import { type Fact, type OperationKind, operationLimit, type StampedFact, type Step } from '../engine.ts';
import { executing } from '../executing.ts';
import type { Flow } from '../flow.ts';
import { flowChanged, journalLeftOver } from '../flow-changed.ts';
import { asSignalboxError, type KeptError, keepError, revivedError } from '../kept-error.ts';
import type { KeptValue, Values } from '../values.ts';
import { type Arrival, Entries } from './entries.ts';
import { Hold } from './hold.ts';
import type { Journal } from './journal.ts';
import { hasFacts, type KeptFacts } from './kept-facts.ts';
import { controlLabel, decodedName, delayLabel, encodedName, type Label, parseLabel } from './labels.ts';
import type { ControlMessage, RunRequest } from './messages.ts';
import { createStep } from './step.ts';
import { wholeSeconds } from './waits.ts';

/** What an execution needs of the worker around it. */
export interface ExecutionHost {
  readonly values: Values;
  now(): number;
  requireFlow(name: string, version: number): Flow;
  appendFacts(facts: KeptFacts): Promise<void>;
  /** The run has come to life again under this callback; returns whether it may go on. */
  begin(request: RunRequest, control: string): Promise<boolean>;
  /** It has come to its time, and its code begins. */
  begun(runId: string): Promise<void>;
  /** Nothing of it executes, or something does again. */
  resting(runId: string, isResting: boolean): void;
  isPatched(runId: string, name: string, isNew: boolean): Promise<boolean>;
  offer(runId: string, signal: string, occurrence: number, callback: string): Promise<void>;
  closeInbox(runId: string, signal: string, occurrence: number): Promise<void>;
  startChild(request: RunRequest): Promise<void>;
  cancelRun(runId: string, reason: string): Promise<void>;
}

/** An operation that the flow has called. */
export interface Operation {
  readonly position: number;
  readonly kind: OperationKind;
  readonly name: string;
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  ended: boolean;
  /** Forgets the entries that it waits for. */
  readonly forget: (() => void)[];
  /** Ends what executes of it. */
  abort?: (reason: Error) => void;
  /** The run that a call waits for, and when it has been started. */
  child?: { readonly runId: string; readonly begun: Promise<void> };
}

/** How an invocation ends, apart from coming to rest. */
export type Outcome =
  | { readonly output: unknown; readonly endedAt: number }
  | { readonly failed: KeptError; readonly endedAt: number }
  | { readonly paused: SignalboxError }
  /** It had ended before: an earlier invocation did not come to say so, or it was ended without its code. */
  | { readonly isOver: true }
  /** Something around the run has failed: AWS tries again. */
  | { readonly broken: unknown };

type FlowEnd = { readonly output: unknown } | { readonly error: unknown };

/**
 * One invocation to get a run further: the flow is called from its beginning, and each operation that it calls is given to the
 * SDK under its position, kind and name, in the order of the calls. What has ended reaches the flow one at a time, in the order
 * that `Entries` keeps; so every invocation takes the same way. Code that calls something else than the journal has is noticed
 * before the SDK hears of it, which would fail the run.
 */
export class Execution {
  readonly runId: string;
  readonly host: ExecutionHost;
  readonly journal: Journal;
  entries!: Entries;
  #hold!: Hold;
  /** When the latest operation that reached the flow became durable. */
  now: number;
  outcome: Outcome | undefined;
  readonly #flow: Flow;
  readonly #request: RunRequest;
  readonly #source: DeterministicSource;
  readonly #waits = new Map<string, number>();
  readonly #patches = new Map<string, Promise<boolean>>();
  readonly #open = new Map<number, Operation>();
  readonly #deliveries: (() => void | Promise<void>)[] = [];
  #nextPosition = 0;
  #working = 0;
  #napping = 0;
  #hasBegun = false;
  #isResting = false;
  #isStopped = false;
  #end: FlowEnd | undefined;

  constructor(host: ExecutionHost, journal: Journal, flow: Flow, request: RunRequest) {
    this.host = host;
    this.journal = journal;
    this.runId = request.runId;
    this.now = Math.max(request.createdAt, request.startAt ?? 0);
    this.#flow = flow;
    this.#request = request;
    this.#source = new DeterministicSource(request.runId);
  }

  /** Never throws: what becomes of the run is in `outcome`; nothing is when it has come to rest. */
  async run(context: DurableContext): Promise<unknown> {
    try {
      this.#hold = new Hold(context);
      this.entries = new Entries(this.journal, context, {
        onRing: () => this.#hold.set(true),
        onTooMany: () => this.#ended({ error: tooManyOperations('an entry') }),
      });
      this.#hold.set(true);
      if (!(await this.#openControl())) return undefined;
      const end = await this.#runFlow();
      this.outcome = await this.#outcomeOf(end);
    } catch (error) {
      this.outcome = isPause(error) ? { paused: error } : { broken: error };
    }
    this.stop(new SignalboxError('run_ended', `Run ${this.runId} has ended.`));
    return this.outcome !== undefined && 'output' in this.outcome ? this.outcome : undefined;
  }

  async #openControl(): Promise<boolean> {
    const opened = Promise.withResolvers<string>();
    this.entries.addCallback(controlLabel, undefined, opened.resolve, (arrival) => this.#cancelled(arrival));
    const mayGoOn = await this.host.begin(this.#request, await opened.promise);
    if (!mayGoOn) this.outcome = { isOver: true };
    return mayGoOn;
  }

  async #runFlow(): Promise<FlowEnd> {
    await this.record(this.#request.facts);
    const { createdAt, startAt = 0 } = this.#request;
    if (startAt > createdAt) await this.#waitUntil(startAt);
    if (this.#end !== undefined) return this.#end;
    await this.host.begun(this.runId);
    this.#hasBegun = true;
    const { name: flow } = this.#flow;
    const step = createStep(this, this.#source);
    const input = await this.host.values.resolve(this.#request.input);
    executing({ flow, runId: this.runId }, () => this.#callFlow(step, input)).then(
      (output) => this.#ended({ output }),
      (error) => this.#ended({ error }),
    );
    await this.#drive(() => this.#end !== undefined);
    return this.#end!;
  }

  async #waitUntil(startAt: number): Promise<void> {
    let isOver = false;
    this.entries.addWait(delayLabel, wholeSeconds(startAt - this.#request.createdAt), () => {
      isOver = true;
    });
    await this.#drive(() => isOver || this.#end !== undefined);
  }

  async #callFlow(step: Step, input: unknown): Promise<unknown> {
    return await this.#flow.run(step, input);
  }

  async #drive(isOver: () => boolean): Promise<void> {
    for (;;) {
      await turn();
      if (isOver()) return;
      if (this.#isStopped) await never;
      const deliver = this.#deliveries.shift();
      if (deliver !== undefined) await deliver();
      else if (!(await this.entries.tell())) await this.#rest();
      if (this.#broken !== undefined) throw this.#broken.error;
    }
  }

  async #rest(): Promise<void> {
    if (this.#deliveries.length > 0 || this.#end !== undefined) return;
    const isResting = this.#working === 0 && this.#open.size > 0;
    if (isResting) this.#checkNotStuck();
    this.#isResting = isResting;
    if (isResting) this.#hold.set(false);
    // Otherwise the end of the invocation says so.
    if (isResting && this.#napping > 0) this.host.resting(this.runId, true);
    await this.entries.rung();
    this.#isResting = false;
  }

  /** The journal goes on, and nothing that the flow waits for will ever come: it went another way. */
  #checkNotStuck(): void {
    const left = this.entries.uncalled;
    if (left === undefined || this.entries.isAboutToArrive()) return;
    throw journalLeftOver(this.runId, shown(parseLabel(left)!));
  }

  #ended(end: FlowEnd): void {
    this.#end ??= end;
    this.entries.ring();
  }

  async #outcomeOf(end: FlowEnd): Promise<Outcome> {
    const left = [...this.journal.positions.values()].find(({ position }) => position >= this.#nextPosition);
    if (left !== undefined) throw journalLeftOver(this.runId, shown(left));
    const endedAt = this.now;
    if ('error' in end && isPause(end.error)) return { paused: end.error };
    if ('error' in end) return { failed: keepError(end.error, 'run_failed'), endedAt };
    let kept: KeptValue;
    try {
      const output = this.#flow.parseOutput(end.output);
      kept = this.host.values.keep(this.runId, output, `output of flow ${this.#flow.name}`);
    } catch (error) {
      return { failed: keepError(error, 'run_failed'), endedAt };
    }
    await kept.store?.();
    return { output: kept.reference ?? kept.value, endedAt };
  }

  /** Takes the next position for an operation; `begin` gives it to the SDK. */
  open<T>(kind: OperationKind, name: string, begin: (operation: Operation) => void): Promise<T> {
    if (this.#end !== undefined) return new Promise(() => {});
    const position = this.#nextPosition++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    // A flow may stop listening to this one (it lost a race): its rejection is nobody's then, and no alarm.
    promise.catch(() => {});
    const operation: Operation = { position, kind, name, promise, resolve, reject, ended: false, forget: [] };
    const recorded = this.journal.positions.get(position);
    if (recorded !== undefined && (recorded.kind !== kind || recorded.encoded !== encodedName(name))) {
      this.#ended({ error: flowChanged(this.runId, shown(recorded), { position, kind, name }) });
    } else if (position >= operationLimit) this.#ended({ error: tooManyOperations(name) });
    else {
      this.#open.set(position, operation);
      begin(operation);
      this.entries.ring();
    }
    return promise as Promise<T>;
  }

  /** Gives the flow the value of an operation. */
  resolve(operation: Operation, value: unknown, at?: number): void {
    this.#close(operation, at);
    operation.resolve(value);
  }

  reject(operation: Operation, error: KeptError, at?: number): void {
    this.#close(operation, at);
    operation.reject(revivedError(error));
  }

  #close(operation: Operation, at = this.now): void {
    operation.ended = true;
    for (const forget of operation.forget) forget();
    this.#open.delete(operation.position);
    this.now = Math.max(this.now, at);
  }

  /** Calls `deliver` when its turn has come, for what ends without waiting for AWS. */
  later(deliver: () => void | Promise<void>): void {
    this.#deliveries.push(deliver);
    this.entries.ring();
  }

  /** Nothing is left to do but to wait for AWS. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** Once what AWS had at the beginning has been told: whether the operation is still to be made. */
  async mayWork(operation: Operation): Promise<boolean> {
    await this.entries.caughtUp;
    if (this.#isStopped) return never;
    return !operation.ended && this.#end === undefined;
  }

  /** While `work` goes on the run is not at rest. */
  async working<T>(work: () => Promise<T>): Promise<T> {
    this.#working += 1;
    this.host.resting(this.runId, false);
    try {
      return await work();
    } finally {
      this.#working -= 1;
      this.entries.ring();
    }
  }

  /** While the run does nothing but wait in the process, it is at rest, though the invocation goes on. */
  async napping(nap: Promise<void>): Promise<void> {
    this.#napping += 1;
    this.entries.ring();
    await nap;
    this.#napping -= 1;
    await this.whileGoingOn(null);
  }

  /** Ends what executes of the run, and lets nothing more of it begin. Nothing is recorded of it. */
  stop(reason: Error): void {
    this.#isStopped = true;
    for (const operation of this.#open.values()) operation.abort?.(reason);
  }

  /** What a step was aborted with is recorded, unless the invocation is over. */
  whileGoingOn<T>(value: T): T | Promise<never> {
    return this.#isStopped ? never : value;
  }

  /** Stores a value before a step is recorded; when that fails, AWS is to make the step again. */
  async stored(store: (() => Promise<void>) | undefined): Promise<void> {
    try {
      await store?.();
    } catch (error) {
      this.break(error);
      await never;
    }
  }

  /** Something around the run has failed, outside of its own course. */
  break(error: unknown): void {
    this.#broken = { error };
    this.entries.ring();
  }
  #broken: { readonly error: unknown } | undefined;

  /** See `Step.patched`: a run whose journal goes on behind this place was there before the patch. */
  patched(name: string): Promise<boolean> {
    const given = this.#patches.get(name);
    if (given !== undefined) return given;
    const isNew = !this.journal.positions.has(this.#nextPosition);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.later(async () => resolve(await this.host.isPatched(this.runId, name, isNew)));
    this.#patches.set(name, promise);
    return promise;
  }

  /** Which wait on this name the next one is, from 1. */
  nextOccurrence(signal: string): number {
    const occurrence = (this.#waits.get(signal) ?? 0) + 1;
    this.#waits.set(signal, occurrence);
    return occurrence;
  }

  stamp(operation: Operation, attempt: number, facts: readonly Fact[], at: number): StampedFact[] {
    const prefix = `${this.runId}/${operation.position}/${attempt}`;
    return facts.map((fact, index) => ({ ...fact, id: `${prefix}/${index}`, at }));
  }

  /**
   * Writes facts whose operation is durable, before the flow goes on. Where AWS has something that was called later, an earlier
   * invocation has written them.
   */
  async record(facts: KeptFacts): Promise<void> {
    if (!hasFacts(facts) || this.entries.uncalled !== undefined) return;
    await this.host.appendFacts(facts);
  }

  async #cancelled({ payload }: Arrival): Promise<void> {
    const { cancel: reason } = JSON.parse(payload ?? '{}') as ControlMessage;
    const cancelled = new SignalboxError('run_cancelled', `The run was cancelled: ${reason}`);
    if (!this.#hasBegun) {
      this.#ended({ error: cancelled });
      return;
    }
    const error = keepError(cancelled, 'run_cancelled');
    for (const operation of [...this.#open.values()]) {
      if (operation.child !== undefined) {
        await operation.child.begun;
        await this.host.cancelRun(operation.child.runId, reason);
      } else this.#endCancelled(operation, error, cancelled);
    }
  }

  #endCancelled(operation: Operation, error: KeptError, reason: Error): void {
    for (const forget of operation.forget) forget();
    operation.abort?.(reason);
    this.later(() => {
      if (!operation.ended) this.reject(operation, error);
    });
  }
}

/** Of an invocation that is over nothing is heard. */
const never = new Promise<never>(() => {});

const shown = ({ position, kind, encoded }: Label) => ({ position, kind, name: decodedName(encoded) });

const isPause = (error: unknown): error is SignalboxError =>
  ['flow_changed', 'run_unreadable'].includes(asSignalboxError(error)?.code ?? '');

function tooManyOperations(name: string): SignalboxError {
  return new SignalboxError(
    'too_many_operations',
    `The run has called ${operationLimit} operations, which is the limit. Split the work into runs of its own with step.call or step.start. The one too many is "${name}".`,
  );
}
