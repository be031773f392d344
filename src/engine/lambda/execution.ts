import { setImmediate as turn } from 'node:timers/promises';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { SignalboxError } from '../../core/errors.ts';
import { DeterministicSource } from '../deterministic.ts';
import type { Flow } from '../flow.ts';
import { flowChanged, journalLeftOver } from '../flow-changed.ts';
import { keepOutput } from '../flow-values.ts';
import { asSignalboxError, type KeptError, keepError } from '../kept-error.ts';
import { tooManyOperations } from '../refusals.ts';
import { type FlowEnd, type Operation, Replay } from '../replay.ts';
import { createStep } from '../step.ts';
import type { KeptValue, Values } from '../values.ts';
import { beginningsOf } from './beginnings.ts';
import { type Arrival, Entries } from './entries.ts';
import { Hold } from './hold.ts';
import type { Journal } from './journal.ts';
import { hasFacts, type KeptFacts } from './kept-facts.ts';
import { controlLabel, decodedName, delayLabel, encodedName, type Label, parseLabel } from './labels.ts';
import type { ControlMessage, RunRequest } from './messages.ts';
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

/** How an invocation ends, apart from coming to rest. */
export type Outcome =
  | { readonly output: unknown; readonly endedAt: number }
  | { readonly failed: KeptError; readonly endedAt: number }
  | { readonly paused: SignalboxError }
  /** It had ended before: an earlier invocation did not come to say so, or it was ended without its code. */
  | { readonly isOver: true }
  /** Something around the run has failed: AWS tries again. */
  | { readonly broken: unknown };

/**
 * One invocation to get a run further: a replay whose operations are given to the SDK under their position, kind and name, in
 * the order of the calls. What has ended reaches the flow in the order that `Entries` keeps. Code that calls something else than the journal has is noticed
 * before the SDK hears of it, which would fail the run.
 */
export class Execution {
  readonly runId: string;
  readonly host: ExecutionHost;
  readonly journal: Journal;
  readonly replay: Replay;
  entries!: Entries;
  #hold!: Hold;
  outcome: Outcome | undefined;
  readonly #flow: Flow;
  readonly #request: RunRequest;
  #working = 0;
  #napping = 0;
  #isResting = false;
  #isStopped = false;

  constructor(host: ExecutionHost, journal: Journal, flow: Flow, request: RunRequest) {
    this.host = host;
    this.journal = journal;
    this.runId = request.runId;
    this.replay = new Replay(this.runId, Math.max(request.createdAt, request.startAt ?? 0), {
      mismatch: (called) => this.#mismatch(called),
      endsBefore: (position) => !journal.positions.has(position),
      isPatched: (name, isNew) => host.isPatched(this.runId, name, isNew),
      ring: () => this.entries.ring(),
    });
    this.#flow = flow;
    this.#request = request;
  }

  /** Never throws: what becomes of the run is in `outcome`; nothing is when it has come to rest. */
  async run(context: DurableContext): Promise<unknown> {
    try {
      this.#hold = new Hold(context);
      this.entries = new Entries(this.journal, context, {
        onRing: () => this.#hold.set(true),
        onTooMany: () => this.replay.endWith({ error: tooManyOperations('an entry') }),
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
    if (this.replay.end !== undefined) return this.replay.end;
    await this.host.begun(this.runId);
    const step = createStep(this.replay, beginningsOf(this), new DeterministicSource(this.runId));
    this.replay.begin(this.#flow, step, await this.host.values.resolve(this.#request.input));
    await this.#drive(() => this.replay.end !== undefined);
    return this.replay.end!;
  }

  async #waitUntil(startAt: number): Promise<void> {
    let isOver = false;
    this.entries.addWait(delayLabel, wholeSeconds(startAt - this.#request.createdAt), () => {
      isOver = true;
    });
    await this.#drive(() => isOver || this.replay.end !== undefined);
  }

  async #drive(isOver: () => boolean): Promise<void> {
    for (;;) {
      await turn();
      if (isOver()) return;
      if (this.#isStopped) await never;
      if (!(await this.replay.deliver()) && !(await this.entries.tell())) await this.#rest();
      if (this.#broken !== undefined) throw this.#broken.error;
    }
  }

  async #rest(): Promise<void> {
    if (this.replay.hasDeliveries || this.replay.end !== undefined) return;
    const isResting = this.#working === 0 && this.replay.hasOpenOperations;
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

  async #outcomeOf(end: FlowEnd): Promise<Outcome> {
    const left = [...this.journal.positions.values()].find(({ position }) => position >= this.replay.length);
    if (left !== undefined) throw journalLeftOver(this.runId, shown(left));
    const endedAt = this.replay.now;
    if ('error' in end && isPause(end.error)) return { paused: end.error };
    if ('error' in end) return { failed: keepError(end.error, 'run_failed'), endedAt };
    let kept: KeptValue;
    try {
      kept = keepOutput(this.host.values, this.runId, this.#flow, end.output);
    } catch (error) {
      return { failed: keepError(error, 'run_failed'), endedAt };
    }
    await kept.store?.();
    return { output: kept.reference ?? kept.value, endedAt };
  }

  #mismatch(called: Pick<Operation, 'position' | 'kind' | 'name'>): SignalboxError | undefined {
    const recorded = this.journal.positions.get(called.position);
    if (recorded === undefined) return undefined;
    const isSame = recorded.kind === called.kind && recorded.encoded === encodedName(called.name);
    return isSame ? undefined : flowChanged(this.runId, shown(recorded), called);
  }

  /** Nothing is left to do but to wait for AWS. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** Once what AWS had at the beginning has been told: whether the operation is still to be made. */
  async mayWork(operation: Operation): Promise<boolean> {
    await this.entries.caughtUp;
    if (this.#isStopped) return never;
    return !operation.ended && this.replay.end === undefined;
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
    this.replay.abort(reason);
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
    await this.replay.cancel(reason);
  }
}

/** Of an invocation that is over nothing is heard. */
const never = new Promise<never>(() => {});

const shown = ({ position, kind, encoded }: Label) => ({ position, kind, name: decodedName(encoded) });

const isPause = (error: unknown): error is SignalboxError =>
  ['flow_changed', 'run_unreadable'].includes(asSignalboxError(error)?.code ?? '');
