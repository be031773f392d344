import { SignalboxError } from '../../core/errors.ts';
import { DeterministicSource } from '../deterministic.ts';
import { type OperationKind, operationLimit } from '../engine.ts';
import { executing } from '../executing.ts';
import type { Flow } from '../flow.ts';
import { flowChanged, journalLeftOver } from '../flow-changed.ts';
import { keepError, revivedError } from '../kept-error.ts';
import { runCancelled, tooManyOperations } from '../refusals.ts';
import { createStep } from '../step.ts';
import { referenceOf, type ValueReference } from '../values.ts';
import { beginningsOf } from './beginnings.ts';
import { Call, type Completion } from './call.ts';
import { Ends } from './ends.ts';
import type { ExecutionHost } from './execution-host.ts';
import { clearCancelReason, type OperationRow } from './journal.ts';
import { OperationWrites } from './operation-writes.ts';

export interface ExecutionOf {
  readonly id: number;
  readonly runId: string;
  readonly flow: Flow;
  readonly input: unknown;
  readonly createdAt: number;
  readonly priority: number;
  readonly cancelReason: string | null;
  /** As `runs.patches` has them; null for one that has not begun. */
  readonly patches: string | null;
  /** What the run has done so far; undefined for one that has not begun. */
  readonly journal?: readonly OperationRow[];
}

type State = 'active' | 'resting' | 'waking' | 'gone';

/**
 * A run in memory. The flow is called once; each operation that it calls takes the next position. Ends of operations
 * reach the flow one at a time, in the order in which they became durable, each after the flow has done all that it can with
 * the one before: so a replay, which gives it the recorded ends in the same way, makes it call the same operations at
 * the same positions.
 *
 * active → resting (nothing under way, all that is called waits) → waking (something ended; queued for its turn) → active;
 * any → gone (ended, paused, evicted or failed to write): what still comes back from its work is ignored.
 */
export class Execution {
  readonly host: ExecutionHost;
  readonly id: number;
  readonly runId: string;
  readonly flow: Flow;
  readonly priority: number;
  readonly writes: OperationWrites;
  /** When the operation that reached the flow last became durable. */
  now: number;
  restingSince = 0;
  readonly #input: unknown;
  readonly #recorded: ReadonlyMap<number, OperationRow> | undefined;
  readonly #signalWaits = new Map<string, number>();
  /** -1 when the journal is empty. */
  #lastRecordedPosition = -1;
  readonly #calls = new Map<number, Call>();
  readonly #ends: Ends;
  #nextPosition = 0;
  #busy = 0;
  #dueRetries: number[] = [];
  #turnScheduled = false;
  #isLoading = false;
  #cancelReason: string | null;
  #state: State = 'active';

  constructor(host: ExecutionHost, of: ExecutionOf) {
    this.host = host;
    this.id = of.id;
    this.runId = of.runId;
    this.flow = of.flow;
    this.priority = of.priority;
    this.now = of.createdAt;
    this.#input = of.input;
    this.#cancelReason = of.cancelReason;
    this.writes = new OperationWrites(this, of.patches);
    if (of.journal !== undefined) {
      this.#recorded = new Map(of.journal.map((row) => [row.position, row]));
      this.#lastRecordedPosition = of.journal.at(-1)?.position ?? -1;
    }
    this.#ends = new Ends(of.journal ?? []);
  }

  get state(): State {
    return this.#state;
  }

  /** The sequence number of the end that reached the flow last. */
  get lastSequence(): number {
    return this.#ends.last;
  }

  get isBusy(): boolean {
    return this.#busy > 0;
  }

  openCalls(): Call[] {
    return [...this.#calls.values()];
  }

  /** The place of the next end in the order of ends; gaps are allowed. */
  takeSequence(): number {
    return this.#ends.takeSequence();
  }

  /** Which wait on this name the next one is, from 1. */
  nextOccurrence(signal: string): number {
    const occurrence = (this.#signalWaits.get(signal) ?? 0) + 1;
    this.#signalWaits.set(signal, occurrence);
    return occurrence;
  }

  /** What `step.patched` answers. */
  async patched(name: string): Promise<boolean> {
    return this.writes.patches.answer(name, this.#lastRecordedPosition >= this.#nextPosition);
  }

  /** Calls the flow. */
  begin(): void {
    const reference = referenceOf(this.#input);
    if (reference === undefined) this.#begin(this.#input);
    else this.#load(reference, (input) => this.#begin(input));
  }

  #begin(input: unknown): void {
    this.scheduleTurn();
    this.#callFlow(input).then(
      (output) => this.#flowEnded(() => this.host.returned(this, output)),
      (error) => this.#flowEnded(() => this.host.threw(this, error)),
    );
  }

  async #callFlow(input: unknown): Promise<unknown> {
    const { name } = this.flow;
    return await executing({ flow: name, runId: this.runId }, () =>
      this.flow.run(createStep(this, beginningsOf(this), new DeterministicSource(this.runId)), input),
    );
  }

  /** Loads a value, during which nothing reaches the flow and the run does not rest. */
  #load(reference: ValueReference, loaded: (value: unknown) => void): void {
    this.#isLoading = true;
    this.#busy += 1;
    this.host.values.load(reference).then(
      (value) => {
        this.#isLoading = false;
        this.#busy -= 1;
        if (this.#state !== 'gone') loaded(value);
      },
      (error) => {
        if (this.#state === 'gone') return;
        if (error instanceof SignalboxError && error.code === 'run_unreadable') this.host.paused(this, error);
        else this.host.valueFailed(this, error);
      },
    );
  }

  /** Takes the next position for an operation; `begin` runs when the journal has nothing on it. */
  open<T>(kind: OperationKind, name: string, begin: (call: Call) => void): Promise<T> {
    if (this.#state === 'gone') return new Promise(() => {});
    const position = this.#nextPosition++;
    const call = new Call(position, kind, name, this.host.clock(), begin);
    this.#calls.set(position, call);
    if (position >= operationLimit) this.host.threw(this, tooManyOperations(name));
    else this.#beginOrReplay(call);
    return call.promise as Promise<T>;
  }

  #beginOrReplay(call: Call): void {
    const recorded = this.#recorded?.get(call.position);
    if (recorded === undefined) {
      if (this.#cancelReason === null) call.begin(call);
      else this.#cancelCall(call, this.#cancelReason);
    } else if (recorded.kind !== call.kind || recorded.name !== call.name) {
      this.host.paused(this, flowChanged(this.runId, recorded, call));
    } else if (recorded.ended_at === null) this.#goOnWaiting(call, recorded);
  }

  #goOnWaiting(call: Call, recorded: OperationRow): void {
    call.startedAt = recorded.started_at;
    call.attempts = recorded.attempts;
    if (recorded.status === 'retrying' && (recorded.due_at ?? 0) <= this.host.clock()) call.begin(call);
  }

  /** Begins the next attempt of a step whose delay is over. */
  retry(position: number): void {
    if (this.#state === 'gone') return;
    this.#dueRetries.push(position);
    if (this.#state === 'resting') this.#wake();
    else if (this.#state === 'active') this.#beginDueRetries();
  }

  #beginDueRetries(): void {
    for (const position of this.#dueRetries.splice(0)) {
      const call = this.#calls.get(position);
      if (call !== undefined && !call.busy) call.begin(call);
    }
  }

  /**
   * Takes the durable end of an operation and gives it to the flow when its turn comes. One that was committed before the
   * journal was read, and is told of after it, is in the journal already.
   */
  complete(completion: Completion): void {
    if (this.#state === 'gone' || this.#ends.isRecorded(completion)) return;
    if (this.host.alwaysReplay && this.#state === 'active' && this.#busy === 0) {
      this.host.reload(this);
      return;
    }
    this.#ends.add(completion);
    if (this.#state === 'resting') this.#wake();
    else if (this.#state === 'active' && !this.#turnScheduled) this.#deliver(this.#ends.first!);
  }

  /** Goes on after its turn has come. */
  resume(): void {
    this.#state = 'active';
    this.#beginDueRetries();
    this.scheduleTurn();
  }

  /** Called when the flow has done all that it can do with what it was given last. */
  afterTurn(): void {
    this.#turnScheduled = false;
    if (this.#state !== 'active') return;
    if (this.#ends.first !== undefined) this.#deliver(this.#ends.first);
    else if (this.#busy === 0 && this.#calls.size > 0) this.#rest();
  }

  /** Ends the steps under way that a request to cancel has ended in the journal. */
  cancelCalls(completions: readonly Completion[]): void {
    for (const completion of completions) {
      const call = this.#calls.get(completion.position);
      call?.attempt?.abandon(revivedError(completion.error!));
      if (call !== undefined) this.setBusy(call, false);
      this.complete(completion);
    }
  }

  /** Makes the next operation that the flow calls throw. */
  requestCancel(reason: string): void {
    this.#cancelReason = reason;
  }

  /** Lets go of everything; whatever is still under way is aborted and ignored. */
  drop(reason: Error): void {
    this.#state = 'gone';
    for (const call of this.#calls.values()) call.attempt?.abandon(reason);
    this.#calls.clear();
    this.#ends.clear();
  }

  /** Gives the flow the first of the ends that wait. */
  #deliver(completion: Completion): void {
    if (this.#isLoading) return;
    const call = this.#calls.get(completion.position);
    const recorded = this.#recorded?.get(completion.position);
    if (call === undefined && recorded !== undefined) {
      this.host.paused(this, journalLeftOver(this.runId, recorded));
      return;
    }
    if (call === undefined) {
      // Told of twice: the first end stands.
      this.#ends.take();
      this.scheduleTurn();
      return;
    }
    const reference = call.referenceIn(completion);
    if (reference === undefined) this.#settle(call, completion);
    else this.#load(reference, (value) => this.#settle(call, call.withLoaded(completion, value)));
  }

  #settle(call: Call, completion: Completion): void {
    this.#ends.take();
    this.#calls.delete(completion.position);
    this.writes.told(completion.position);
    this.now = completion.endedAt;
    this.scheduleTurn();
    call.settle(completion);
  }

  #flowEnded(report: () => void): void {
    if (this.#state === 'gone') return;
    const leftOver = this.#firstLeftOver();
    if (leftOver === undefined) report();
    else this.host.paused(this, journalLeftOver(this.runId, leftOver));
  }

  #firstLeftOver(): OperationRow | undefined {
    for (const row of this.#recorded?.values() ?? []) if (row.position >= this.#nextPosition) return row;
    return undefined;
  }

  #cancelCall(call: Call, reason: string): void {
    this.#cancelReason = null;
    const error = keepError(runCancelled(reason), 'run_cancelled');
    // It has reached the flow: what the flow does about it is not cancelled again, also at a replay.
    this.writes.end(call, { error, also: (sql) => clearCancelReason(sql, this.id) });
  }

  #rest(): void {
    this.#state = 'resting';
    this.restingSince = this.host.clock();
    this.host.rested(this);
  }

  #wake(): void {
    this.#state = 'waking';
    this.host.wake(this);
  }

  /** Lets what waits reach the flow once it has done all that it can now. */
  scheduleTurn(): void {
    if (this.#turnScheduled || this.#state === 'gone') return;
    this.#turnScheduled = true;
    this.host.scheduleTurn(this);
  }

  /** Notes whether an attempt or a write of an operation is under way. */
  setBusy(call: Call, busy: boolean): void {
    if (call.busy === busy) return;
    call.busy = busy;
    this.#busy += busy ? 1 : -1;
  }
}
