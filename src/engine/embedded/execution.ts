import { SignalboxError } from '../../core/errors.ts';
import { nextDelayMs, noRetry } from '../../core/retry.ts';
import type { Sql } from '../../sqlite/database.ts';
import {
  type Fact,
  type OperationKind,
  operationLimit,
  type StampedFact,
  type StepContext,
  type StepOptions,
} from '../engine.ts';
import type { Flow } from '../flow.ts';
import { Attempt, type AttemptEnd } from './attempt.ts';
import { DeterministicSource } from './deterministic.ts';
import { flowChanged, journalLeftOver } from './flow-changed.ts';
import {
  type KeptError,
  keepError,
  type OperationRow,
  putEnded,
  putRetrying,
  revivedError,
} from './journal.ts';
import { journalText } from './journal-text.ts';
import { createStep } from './step.ts';

/** What an execution needs of the engine around it. */
export interface ExecutionHost {
  readonly clock: () => number;
  /** Once true, no further attempt of a step begins. */
  readonly stopping: boolean;
  /** For tests: after each operation the run leaves memory and is replayed. */
  readonly alwaysReplay: boolean;
  reload(execution: Execution): void;
  write<T>(work: (sql: Sql) => T): Promise<T>;
  writeFacts(sql: Sql, facts: readonly StampedFact[]): void;
  setAlarm(dueAt: number): void;
  /** Prepares a run. Throws `unknown_flow`, `invalid_request` and what `journalText` throws. */

  newRun<I>(flow: Flow<I>, input: I, parent?: { id: number; position: number }): PreparedRun;
  /** Calls `afterTurn` once what is under way in this turn of the event loop has come to rest. */
  scheduleTurn(execution: Execution): void;
  rested(execution: Execution): void;
  wake(execution: Execution): void;
  returned(execution: Execution, output: unknown): void;
  threw(execution: Execution, error: unknown): void;
  paused(execution: Execution, error: SignalboxError): void;
  /** The journal could not be written; what the run did since is not known. */
  writeFailed(execution: Execution, error: unknown): void;
}

export interface PreparedRun {
  readonly runId: string;
  insert(sql: Sql): void;
  /** To be called once the insert is durable. */
  enqueue(): void;
}

export interface ExecutionOf {
  readonly id: number;
  readonly runId: string;
  readonly flow: Flow;
  readonly input: unknown;
  readonly createdAt: number;
  readonly cancelReason: string | null;
  /** What the run has done so far; undefined for one that has not begun. */
  readonly journal?: readonly OperationRow[];
}

/** An operation that the flow has called and that has not come back to it yet. */
export interface Call {
  readonly position: number;
  readonly kind: OperationKind;
  readonly name: string;
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Begins the operation, or its next attempt. */
  readonly begin: (call: Call) => void;
  startedAt: number;
  attempts: number;
  attempt: Attempt | undefined;
  /** Whether an attempt or a write of it is under way. */
  busy: boolean;
}

/** The durable end of an operation, on its way to the flow. */
export interface Completion {
  readonly position: number;
  readonly sequence: number;
  readonly endedAt: number;
  readonly value?: unknown;
  readonly error?: KeptError;
  readonly cause?: unknown;
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
  readonly id: number;
  readonly runId: string;
  readonly flow: Flow;
  readonly source: DeterministicSource;
  /** When the operation that reached the flow last became durable. */
  now: number;
  restingSince = 0;
  readonly #host: ExecutionHost;
  readonly #input: unknown;
  readonly #recorded: ReadonlyMap<number, OperationRow> | undefined;
  readonly #signalWaits = new Map<string, number>();
  readonly #calls = new Map<number, Call>();
  #completions: Completion[] = [];
  #delivered = 0;
  #lastSequence = -1;
  #nextSequence = 0;
  #nextPosition = 0;
  #busy = 0;
  #dueRetries: number[] = [];
  #turnScheduled = false;
  #cancelReason: string | null;
  #state: State = 'active';

  constructor(host: ExecutionHost, of: ExecutionOf) {
    this.#host = host;
    this.id = of.id;
    this.runId = of.runId;
    this.flow = of.flow;
    this.source = new DeterministicSource(of.runId);
    this.now = of.createdAt;
    this.#input = of.input;
    this.#cancelReason = of.cancelReason;
    if (of.journal !== undefined) {
      this.#recorded = new Map(of.journal.map((row) => [row.position, row]));
      this.#completions = recordedCompletions(of.journal);
      this.#nextSequence = (this.#completions.at(-1)?.sequence ?? -1) + 1;
    }
  }

  get state(): State {
    return this.#state;
  }

  /** The sequence number of the end that reached the flow last. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  get isBusy(): boolean {
    return this.#busy > 0;
  }

  openCalls(): Call[] {
    return [...this.#calls.values()];
  }

  /** The place of the next end in the order of ends; gaps are allowed. */
  takeSequence(): number {
    return this.#nextSequence++;
  }

  /** Which wait on this name the next one is, from 1. */
  nextOccurrence(signal: string): number {
    const occurrence = (this.#signalWaits.get(signal) ?? 0) + 1;
    this.#signalWaits.set(signal, occurrence);
    return occurrence;
  }

  /** Calls the flow. */
  begin(): void {
    this.#scheduleTurn();
    this.#callFlow().then(
      (output) => this.#flowEnded(() => this.#host.returned(this, output)),
      (error) => this.#flowEnded(() => this.#host.threw(this, error)),
    );
  }

  async #callFlow(): Promise<unknown> {
    return await this.flow.run(createStep(this, this.#host), this.#input);
  }

  /** Takes the next position for an operation; `begin` runs when the journal has nothing on it. */
  open<T>(kind: OperationKind, name: string, begin: (call: Call) => void): Promise<T> {
    if (this.#state === 'gone') return new Promise(() => {});
    const position = this.#nextPosition++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call: Call = {
      position,
      kind,
      name,
      promise,
      resolve,
      reject,
      begin,
      startedAt: this.#host.clock(),
      attempts: 0,
      attempt: undefined,
      busy: false,
    };
    this.#calls.set(position, call);
    if (position >= operationLimit) this.#refuseOperation(call);
    else this.#beginOrReplay(call);
    return promise as Promise<T>;
  }

  #beginOrReplay(call: Call): void {
    const recorded = this.#recorded?.get(call.position);
    if (recorded === undefined) {
      if (this.#cancelReason === null) call.begin(call);
      else this.#cancelCall(call, this.#cancelReason);
    } else if (recorded.kind !== call.kind || recorded.name !== call.name) {
      this.#host.paused(this, flowChanged(this.runId, recorded, call));
    } else if (recorded.ended_at === null) this.#goOnWaiting(call, recorded);
  }

  #goOnWaiting(call: Call, recorded: OperationRow): void {
    call.startedAt = recorded.started_at;
    call.attempts = recorded.attempts;
    if (recorded.status === 'retrying' && (recorded.due_at ?? 0) <= this.#host.clock()) call.begin(call);
  }

  /** Makes one attempt of a step. */
  attempt(call: Call, work: (context: StepContext) => unknown, options: StepOptions): void {
    if (this.#host.stopping) return;
    call.attempts += 1;
    this.#setBusy(call, true);
    const idempotencyKey = `${this.runId}/${call.position}`;
    call.attempt = new Attempt({ idempotencyKey, attempt: call.attempts, stepName: call.name }, (end) =>
      this.#attemptEnded(call, end, options),
    );
    call.attempt.begin(work, options.timeoutMs);
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

  #attemptEnded(call: Call, end: AttemptEnd, options: StepOptions): void {
    if (this.#state === 'gone') return;
    if ('error' in end) {
      this.#attemptFailed(call, end.error, end.facts, options);
      return;
    }
    try {
      const result = journalText(end.value, `result of step "${call.name}"`);
      this.end(call, { value: end.value, result, facts: end.facts });
    } catch (error) {
      this.#attemptFailed(call, error, end.facts, { retry: noRetry });
    }
  }

  #attemptFailed(call: Call, error: unknown, facts: readonly Fact[], options: StepOptions): void {
    const kept = keepError(error, 'step_failed');
    const at = this.#host.clock();
    const delayMs = nextDelayMs(options.retry ?? noRetry, {
      attempt: call.attempts,
      retryable: kept.retryable,
      retryAfterMs: error instanceof SignalboxError ? error.retryAfterMs : undefined,
      elapsedMs: at - call.startedAt,
      random: Math.random(),
    });
    if (delayMs === undefined) this.end(call, { error: kept, cause: error, facts });
    else this.#retryAt(call, at + delayMs, kept, this.stamp(call, facts, at));
  }

  #retryAt(call: Call, dueAt: number, error: KeptError, facts: readonly StampedFact[]): void {
    const write = (sql: Sql): undefined => {
      const { position, name, attempts, startedAt } = call;
      putRetrying(sql, {
        run: this.id,
        position,
        name,
        attempts,
        startedAt,
        error: JSON.stringify(error),
        dueAt,
      });
      if (facts.length > 0) this.#host.writeFacts(sql, facts);
    };
    this.commit(call, write, () => this.#host.setAlarm(dueAt));
  }

  /** Writes the end of an operation, with its facts, and gives it to the flow. */
  end(
    call: Call,
    end: {
      value?: unknown;
      result?: string | null;
      error?: KeptError;
      cause?: unknown;
      target?: string;
      facts?: readonly Fact[];
    },
  ): void {
    const endedAt = this.#host.clock();
    this.commit(call, (sql) => {
      const { position, kind, name, attempts, startedAt } = call;
      const sequence = this.takeSequence();
      const result = end.result ?? null;
      const error = end.error === undefined ? null : JSON.stringify(end.error);
      const target = end.target ?? null;
      const ended = { position, kind, name, attempts, startedAt, sequence, result, error, target, endedAt };
      if (!putEnded(sql, { run: this.id, ...ended })) return undefined;
      if (end.facts?.length) this.#host.writeFacts(sql, this.stamp(call, end.facts, endedAt));
      return {
        position,
        sequence,
        endedAt,
        value: end.value,
        ...(end.error && { error: end.error, cause: end.cause }),
      };
    });
  }

  /**
   * Writes for an operation. What `work` returns, if anything, is the end of the operation and goes to the flow once it is
   * durable; `afterwards` runs just before.
   */
  commit(call: Call, work: (sql: Sql) => Completion | undefined, afterwards?: () => void): void {
    this.#setBusy(call, true);
    this.#host.write(work).then(
      (completion) => {
        this.#setBusy(call, false);
        afterwards?.();
        if (completion === undefined) this.#scheduleTurn();
        else this.complete(completion);
      },
      (error) => this.#state !== 'gone' && this.#host.writeFailed(this, error),
    );
  }

  stamp(call: Call, facts: readonly Fact[], at: number): StampedFact[] {
    const prefix = `${this.runId}/${call.position}/${call.attempts}`;
    return facts.map((fact, index) => ({ ...fact, id: `${prefix}/${index}`, at }));
  }

  /** Takes the durable end of an operation and gives it to the flow when its turn comes. */
  complete(completion: Completion): void {
    if (this.#state === 'gone') return;
    if (this.#host.alwaysReplay && this.#state === 'active' && this.#busy === 0) {
      this.#host.reload(this);
      return;
    }
    this.#completions.push(completion);
    if (this.#state === 'resting') this.#wake();
    else if (this.#state === 'active' && !this.#turnScheduled) this.#deliverNext();
  }

  /** Goes on after its turn has come. */
  resume(): void {
    this.#state = 'active';
    this.#beginDueRetries();
    this.#scheduleTurn();
  }

  /** Called when the flow has done all that it can do with what it was given last. */
  afterTurn(): void {
    this.#turnScheduled = false;
    if (this.#state !== 'active') return;
    if (this.#delivered < this.#completions.length) this.#deliverNext();
    else if (this.#busy === 0 && this.#calls.size > 0) this.#rest();
  }

  /** Ends the steps under way that a request to cancel has ended in the journal. */
  cancelCalls(completions: readonly Completion[]): void {
    for (const completion of completions) {
      const call = this.#calls.get(completion.position);
      call?.attempt?.abandon(revivedError(completion.error!));
      if (call !== undefined) this.#setBusy(call, false);
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
    this.#completions = [];
  }

  #deliverNext(): void {
    const completion = this.#completions[this.#delivered]!;
    const call = this.#calls.get(completion.position);
    if (call === undefined) {
      this.#host.paused(this, journalLeftOver(this.runId, this.#recorded!.get(completion.position)!));
      return;
    }
    this.#delivered += 1;
    if (this.#delivered === this.#completions.length) {
      this.#completions = [];
      this.#delivered = 0;
    }
    this.#calls.delete(completion.position);
    this.#lastSequence = completion.sequence;
    this.now = completion.endedAt;
    this.#scheduleTurn();
    if (completion.error === undefined) call.resolve(completion.value);
    else reject(call, revivedError(completion.error, completion.cause));
  }

  #flowEnded(report: () => void): void {
    if (this.#state === 'gone') return;
    const leftOver = this.#firstLeftOver();
    if (leftOver === undefined) report();
    else this.#host.paused(this, journalLeftOver(this.runId, leftOver));
  }

  #firstLeftOver(): OperationRow | undefined {
    for (const row of this.#recorded?.values() ?? []) if (row.position >= this.#nextPosition) return row;
    return undefined;
  }

  #cancelCall(call: Call, reason: string): void {
    this.#cancelReason = null;
    const error = keepError(
      new SignalboxError('run_cancelled', `The run was cancelled: ${reason}`),
      'run_cancelled',
    );
    this.end(call, { error });
  }

  #refuseOperation(call: Call): void {
    const message = `The run has called ${operationLimit} operations, which is the limit. Split the work into runs of its own with step.call or step.start.`;
    this.#host.threw(
      this,
      new SignalboxError('too_many_operations', `${message} The one too many is "${call.name}".`),
    );
  }

  #rest(): void {
    this.#state = 'resting';
    this.restingSince = this.#host.clock();
    this.#host.rested(this);
  }

  #wake(): void {
    this.#state = 'waking';
    this.#host.wake(this);
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled || this.#state === 'gone') return;
    this.#turnScheduled = true;
    this.#host.scheduleTurn(this);
  }

  #setBusy(call: Call, busy: boolean): void {
    if (call.busy === busy) return;
    call.busy = busy;
    this.#busy += busy ? 1 : -1;
  }
}

// A flow may have stopped listening to this one (it lost a race): its rejection is nobody's then, and no alarm.
function reject(call: Call, error: Error): void {
  call.promise.catch(() => {});
  call.reject(error);
}

function recordedCompletions(journal: readonly OperationRow[]): Completion[] {
  return journal
    .filter((row) => row.sequence !== null)
    .sort((a, b) => a.sequence! - b.sequence!)
    .map((row) => ({
      position: row.position,
      sequence: row.sequence!,
      endedAt: row.ended_at!,
      ...(row.error === null
        ? { value: row.result === null ? undefined : JSON.parse(row.result) }
        : { error: JSON.parse(row.error) as KeptError }),
    }));
}
