import { setImmediate as turn } from 'node:timers/promises';
import type { internal, RestatePromise, WorkflowContext } from '@restatedev/restate-sdk';
import { SignalboxError } from '../../core/errors.ts';
import { type Fact, type OperationKind, operationLimit, type StampedFact, type Step } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { type KeptError, keepError, revivedError } from '../kept-error.ts';
import type { KeptValue, Values } from '../values.ts';
import { cancelChild } from './children.ts';
import { toFailure } from './failure.ts';
import { jsonSerde } from './json-serde.ts';
import {
  delayState,
  type PlaceRequest,
  placeService,
  placeState,
  promises,
  type RunRequest,
  type RunResult,
} from './messages.ts';
import { type Arrival, OpenEntries } from './open-entries.ts';
import { Slots } from './slots.ts';
import { createStep } from './step.ts';

/** A context with what the SDK gives only to those who ask for it by name. */
export type RunContext = WorkflowContext & internal.ContextInternal;

/** What an execution needs of the worker around it. */
export interface ExecutionHost {
  readonly namespace: string;
  readonly values: Values;
  requireFlow(name: string, version: number): Flow;
  appendFacts(facts: readonly StampedFact[]): Promise<void>;
  /** Whether a run takes the new way of a patch; `isNew` decides it when nothing is kept yet. */
  isPatched(runId: string, name: string, isNew: boolean): Promise<boolean>;
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
  /** Forgets the entries of the journal that it waits for. */
  readonly forget: (() => void)[];
  /** The run that a call waits for. */
  readonly child?: { readonly runId: string; readonly invocationId: Promise<string> };
}

/** Of one run. What is awaited together is looked through at each end, so that many at once would take long. */
const attemptsAtOnce = 64;

type FlowEnd = { readonly output: unknown } | { readonly error: unknown };

/**
 * One attempt of Restate to get a run further: the flow is called from its beginning, and each operation that it calls is
 * given to Restate under its position and name, in the order of the calls. What has ended reaches the flow one at a time, in
 * the order of the journal, each after the flow has done all that it can with the one before; so every attempt takes the same
 * way. When nothing has ended, Restate suspends the run: the attempt is over, and another one begins where it left off.
 *
 * A flow that calls something else than the journal has is noticed by Restate (its error RT0016), because kind, position and
 * name are in what it compares; `runs.ts` shows such a run as paused.
 */
export class Execution {
  readonly runId: string;
  readonly context: RunContext;
  readonly host: ExecutionHost;
  readonly entries = new OpenEntries();
  readonly attemptSlots = new Slots(attemptsAtOnce);
  /** When the latest operation that reached the flow became durable. */
  now: number;
  readonly #flow: Flow;
  readonly #request: RunRequest;
  readonly #waits = new Map<string, number>();
  readonly #patches = new Map<string, Promise<boolean>>();
  readonly #open = new Map<number, Operation>();
  readonly #aborts = new Set<(reason: Error) => void>();
  readonly #deliveries: (() => void | Promise<void>)[] = [];
  #called = Promise.withResolvers<void>();
  #nextPosition = 0;
  #hasBegun = false;
  #end: FlowEnd | undefined;

  constructor(host: ExecutionHost, context: RunContext, flow: Flow, request: RunRequest) {
    this.host = host;
    this.context = context;
    this.runId = context.key;
    this.now = Math.max(request.createdAt, request.startAt ?? 0);
    this.#flow = flow;
    this.#request = request;
  }

  /** Calls the flow and returns what the run ends with; throws what it failed with as Restate keeps it. */
  async run(): Promise<RunResult> {
    await this.record(this.#request.facts);
    this.#watchCancellation();
    const { createdAt, startAt = 0 } = this.#request;
    if (startAt > createdAt) await this.#waitUntil(startAt);
    if (this.#end === undefined && this.#request.place !== undefined)
      await this.#takePlace(this.#request.place);
    if (this.#end !== undefined) return this.#endUnbegun();
    this.#hasBegun = true;
    const input = await this.host.values.resolve(this.#request.input);
    this.#callFlow(createStep(this), input).then(
      (output) => this.#ended({ output }),
      (error) => this.#ended({ error }),
    );
    const end = await this.#drive();
    if ('error' in end) throw toFailure(keepError(end.error, 'run_failed'));
    return await this.#result(end.output);
  }

  /** Waits for the time at which it is to begin, or for a request to cancel. */
  async #waitUntil(startAt: number): Promise<void> {
    const { context } = this;
    context.set(delayState, startAt);
    const sleep = context.sleep(Math.max(1, startAt - Date.now()), 'until its time');
    let isOver = false;
    this.entries.add(sleep, () => {
      isOver = true;
    });
    while (!isOver && this.#end === undefined) await this.entries.next();
    context.clear(delayState);
  }

  /** Waits for a place among the runs with the same concurrency key, or for a request to cancel. */
  async #takePlace({ key, limit }: { readonly key: string; readonly limit: number }): Promise<void> {
    const { context, host } = this;
    const awakeable = context.awakeable<null>();
    context.set(placeState, limit);
    context.genericSend<PlaceRequest>({
      service: placeService(host.namespace),
      method: 'take',
      key: `${this.#flow.name}:${key}`,
      parameter: { invocationId: context.request().id, awakeableId: awakeable.id, limit },
      inputSerde: jsonSerde(),
    });
    let hasPlace = false;
    this.entries.add(awakeable.promise, () => {
      hasPlace = true;
    });
    while (!hasPlace && this.#end === undefined) await this.entries.next();
    context.clear(placeState);
  }

  /** The end of a run that was cancelled before its code ran. */
  async #endUnbegun(): Promise<never> {
    const { error } = this.#end as { error: unknown };
    const kept = keepError(error, 'run_failed');
    const { code, message } = kept;
    const { input, restartOf } = this.#request;
    const about = {
      input,
      error: { code, message },
      at: this.now,
      isRestart: restartOf !== undefined,
      history: [],
    };
    const facts = this.#flow.abandoned(about);
    await this.record(
      facts.map((fact, index) => ({ ...fact, id: `${this.runId}/end/${index}`, at: this.now })),
    );
    throw toFailure(kept);
  }

  async #callFlow(step: Step, input: unknown): Promise<unknown> {
    return await this.#flow.run(step, input);
  }

  async #drive(): Promise<FlowEnd> {
    for (;;) {
      await turn();
      if (this.#end !== undefined) return this.#end;
      const deliver = this.#deliveries.shift();
      if (deliver !== undefined) await deliver();
      else if (this.#open.size > 0) await this.entries.next();
      // The flow waits for something that is no operation of ours.
      else await this.#called.promise;
    }
  }

  #ended(end: FlowEnd): void {
    this.#end ??= end;
    this.#called.resolve();
  }

  async #result(output: unknown): Promise<RunResult> {
    const { parsed, kept } = this.#kept(output);
    await kept.store?.();
    return { output: kept.reference ?? parsed, endedAt: this.now };
  }

  #kept(output: unknown): { parsed: unknown; kept: KeptValue } {
    try {
      const parsed = this.#flow.parseOutput(output);
      const what = `output of flow ${this.#flow.name}`;
      return { parsed, kept: this.host.values.keep(this.runId, parsed, what) };
    } catch (error) {
      throw toFailure(keepError(error, 'run_failed'));
    }
  }

  /** Calls `abort` when the attempt of Restate is to end; returns how to forget it. */
  onAbort(abort: (reason: Error) => void): () => void {
    this.#aborts.add(abort);
    return () => void this.#aborts.delete(abort);
  }

  /** Aborts the steps that are under way. Nothing is recorded of them: another attempt of Restate makes them again. */
  abort(reason: Error): void {
    const aborts = [...this.#aborts];
    this.#aborts.clear();
    for (const abort of aborts) abort(reason);
  }

  /** Takes the next position for an operation; `begin` gives it to Restate. */
  open<T>(kind: OperationKind, name: string, begin: (operation: Operation) => void): Promise<T> {
    if (this.#end !== undefined) return new Promise(() => {});
    const position = this.#nextPosition++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    // A flow may stop listening to this one (it lost a race): its rejection is nobody's then, and no alarm.
    promise.catch(() => {});
    const operation = { position, kind, name, promise, resolve, reject, ended: false, forget: [] };
    if (position >= operationLimit) this.#ended({ error: tooManyOperations(name) });
    else {
      this.#open.set(position, operation);
      begin(operation);
      this.#ring();
    }
    return promise as Promise<T>;
  }

  /** Waits for an entry of the journal on behalf of an operation. */
  watch<T>(
    operation: Operation,
    entry: RestatePromise<T>,
    arrived: (arrival: Arrival) => void | Promise<void>,
  ): void {
    operation.forget.push(this.entries.add(entry, arrived));
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

  /** Calls `deliver` when its turn has come, for what ends without waiting for Restate. */
  later(deliver: () => void | Promise<void>): void {
    this.#deliveries.push(deliver);
    this.#ring();
  }

  #ring(): void {
    this.#called.resolve();
    this.#called = Promise.withResolvers();
  }

  /** See `Step.patched`: a run whose journal goes on behind this place was there before the patch. */
  patched(name: string): Promise<boolean> {
    const given = this.#patches.get(name);
    if (given !== undefined) return given;
    const isNew = this.context.isProcessing();
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
   * Writes facts whose operation is durable. Where the journal goes on, an earlier attempt has written them before the flow
   * went on; at its end they are written, perhaps once more, under the same ids.
   */
  async record(facts: readonly StampedFact[]): Promise<void> {
    if (facts.length === 0 || !this.context.isProcessing()) return;
    await this.host.appendFacts(facts);
  }

  #watchCancellation(): void {
    this.entries.add(this.context.cancellation(), () => this.#cancelled());
  }

  async #cancelled(): Promise<void> {
    this.#watchCancellation();
    const reason = (await this.context.promise<string>(promises.cancelReason).peek()) ?? 'in Restate';
    const cancelled = new SignalboxError('run_cancelled', `The run was cancelled: ${reason}`);
    if (!this.#hasBegun) {
      this.#ended({ error: cancelled });
      return;
    }
    const error = keepError(cancelled, 'run_cancelled');
    for (const operation of [...this.#open.values()]) {
      if (operation.child === undefined) {
        for (const forget of operation.forget) forget();
        this.later(() => this.#endCancelled(operation, error));
      } else await cancelChild(this, operation.child, reason);
    }
  }

  #endCancelled(operation: Operation, error: KeptError): void {
    if (!operation.ended) this.reject(operation, error);
  }
}

function tooManyOperations(name: string): SignalboxError {
  return new SignalboxError(
    'too_many_operations',
    `The run has called ${operationLimit} operations, which is the limit. Split the work into runs of its own with step.call or step.start. The one too many is "${name}".`,
  );
}
