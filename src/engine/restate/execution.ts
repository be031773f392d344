import { setImmediate as turn } from 'node:timers/promises';
import type { internal, RestatePromise, WorkflowContext } from '@restatedev/restate-sdk';
import { closingFacts } from '../closing-facts.ts';
import type { StampedFact } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { keepOutput } from '../flow-values.ts';
import { keepError, runErrorOf } from '../kept-error.ts';
import { type FlowEnd, type Operation, Replay } from '../replay.ts';
import { createStep } from '../step.ts';
import type { KeptValue, Values } from '../values.ts';
import { beginningsOf } from './beginnings.ts';
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

/** Of one run. What is awaited together is looked through at each end, so that many at once would take long. */
const attemptsAtOnce = 64;

/**
 * One attempt of Restate to get a run further: a replay whose operations are given to Restate under their position and name, in
 * the order of the calls. What has ended reaches the flow in the order of the journal. When nothing has ended, Restate suspends the run: the attempt is over, and another one begins where it left off.
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
  readonly replay: Replay;
  readonly #flow: Flow;
  readonly #request: RunRequest;
  readonly #aborts = new Set<(reason: Error) => void>();
  #called = Promise.withResolvers<void>();

  constructor(host: ExecutionHost, context: RunContext, flow: Flow, request: RunRequest) {
    this.host = host;
    this.context = context;
    this.runId = context.key;
    this.replay = new Replay(this.runId, Math.max(request.createdAt, request.startAt ?? 0), {
      mismatch: () => undefined,
      endsBefore: () => context.isProcessing(),
      isPatched: (name, isNew) => host.isPatched(this.runId, name, isNew),
      ring: () => this.#ring(),
    });
    this.#flow = flow;
    this.#request = request;
  }

  /** Calls the flow and returns what the run ends with; throws what it failed with as Restate keeps it. */
  async run(): Promise<RunResult> {
    await this.record(this.#request.facts);
    this.#watchCancellation();
    const { createdAt, startAt = 0 } = this.#request;
    if (startAt > createdAt) await this.#waitUntil(startAt);
    if (this.replay.end === undefined && this.#request.place !== undefined)
      await this.#takePlace(this.#request.place);
    if (this.replay.end !== undefined) return this.#endUnbegun(this.replay.end);
    const { rand } = this.context;
    const source = { random: () => rand.random(), uuid: () => rand.uuidv4() };
    const step = createStep(this.replay, beginningsOf(this), source);
    this.replay.begin(this.#flow, step, await this.host.values.resolve(this.#request.input));
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
    while (!isOver && this.replay.end === undefined) await this.entries.next();
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
    while (!hasPlace && this.replay.end === undefined) await this.entries.next();
    context.clear(placeState);
  }

  /** The end of a run that was cancelled before its code ran. */
  async #endUnbegun(end: FlowEnd): Promise<never> {
    const kept = keepError((end as { error: unknown }).error, 'run_failed');
    const { input, restartOf } = this.#request;
    const at = this.replay.now;
    const about = { input, error: runErrorOf(kept), at, isRestart: restartOf !== undefined, history: [] };
    await this.record(closingFacts(this.#flow, this.runId, about));
    throw toFailure(kept);
  }

  async #drive(): Promise<FlowEnd> {
    for (;;) {
      await turn();
      if (this.replay.end !== undefined) return this.replay.end;
      if (await this.replay.deliver()) continue;
      if (this.replay.hasOpenOperations) await this.entries.next();
      // The flow waits for something that is no operation of ours.
      else await this.#called.promise;
    }
  }

  async #result(output: unknown): Promise<RunResult> {
    const kept = this.#keep(output);
    await kept.store?.();
    return { output: kept.reference ?? kept.value, endedAt: this.replay.now };
  }

  #keep(output: unknown): KeptValue {
    try {
      return keepOutput(this.host.values, this.runId, this.#flow, output);
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

  /** Waits for an entry of the journal on behalf of an operation. */
  watch<T>(
    operation: Operation,
    entry: RestatePromise<T>,
    arrived: (arrival: Arrival) => void | Promise<void>,
  ): void {
    operation.waitsFor(this.entries.add(entry, arrived));
  }

  #ring(): void {
    this.#called.resolve();
    this.#called = Promise.withResolvers();
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
    await this.replay.cancel(reason);
  }
}
