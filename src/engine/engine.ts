import type { ErrorCode } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { RetryPolicy } from '../core/retry.ts';
import type { Flow } from './flow.ts';

/**
 * The engine port: it runs flows durably.
 *
 * A run is a journal of operations in the order in which the flow called them, each with a position, a kind and a name.
 * Replay gives a flow the recorded results in the order in which they became durable, so that a flow that is a function
 * of its input and its operations takes the same way again. What an engine promises (`contract.ts` states each as a case):
 *
 * - A run that `start` has returned survives a crash. The same key starts one run.
 * - A step's function may run again after a crash, never once its result is recorded; each time it receives the same
 *   idempotency key. Its facts are recorded with its result, once.
 * - A signal that comes before its wait is kept; several waits on one name take signals first in, first out.
 * - What is durable decides races, never the order of arrival in memory.
 * - A run keeps the version of the flow that it began with. A version that is not registered leaves it `paused`; so does
 *   a journal that the code no longer matches, with both sides shown; `resume` tries again with the code there is then.
 * - A run that was executing when the process died three times in a row, without getting further, is `paused` with
 *   `crashed_repeatedly`, until `resume`.
 * - `succeeded`, `failed` and `cancelled` are never left.
 * - Of a flow at most `concurrency` runs execute at once, and at most so many with one key are under way; those that wait for
 *   their turn begin by priority and then in the order in which they came, also after a crash.
 * - Limits: 32 MiB of JSON for an input, a result, an output or a signal (256 KiB where there is no store of objects), 3,000
 *   operations a run. What is over is refused by name. What is over 256 KiB is kept outside the journal: flows, `get` and `wait`
 *   see the value, `list` and `history` a `ValueReference`.
 */
export interface Engine {
  /** Starts a run. Throws `invalid_request` for an input that does not fit, `queue_full` or `shutting_down` when it can't take one. */
  start<I, O>(flow: Flow<I, O>, input: I, options?: StartOptions): Promise<StartedRun>;

  /**
   * Sends a value to the run that waits, or will wait, for that name; also to a run that is yet to start.
   * Throws `run_ended` when the run has ended.
   */
  signal(runId: string, name: string, payload: Json, options?: SignalOptions): Promise<SignalOutcome>;

  /**
   * Asks a run to stop: what it waits for, or the next thing that it does, throws `run_cancelled` into the flow, which may
   * then undo what it did. Returns the status after the request; an ended run keeps its own. A paused run stays paused, since
   * its code can't run: it hears of the request when it is resumed. `terminate` ends it at once.
   */
  cancel(runId: string, reason?: string): Promise<RunStatus>;

  /** Ends a run at once, without letting its code run again. */
  terminate(runId: string, reason?: string): Promise<RunStatus>;

  /** Lets a paused run try again. */
  resume(runId: string): Promise<RunStatus>;

  /** Starts a failed or cancelled run anew, with the same input, as another run that names the first. */
  restart(runId: string): Promise<StartedRun>;

  get(runId: string): Promise<Run | undefined>;

  /**
   * How many dead letters there are, by flow; where there are many, of the newest ones, which are 100 at least. Costs no more when more runs have
   * ended.
   */
  deadLetters(): Promise<readonly DeadLetterCount[]>;

  /** Newest first. */
  list(filter?: RunFilter): Promise<RunPage>;

  /** The journal so far, in the order of positions. */
  history(runId: string): Promise<readonly Operation[]>;

  /** Resolves with the run once it has ended or is paused. */
  wait(runId: string, options?: { readonly signal?: AbortSignal }): Promise<Run>;

  /** How many runs are in which state, and the depth of the queue. */
  stats(): EngineStats;

  /** The flows and versions that are registered or that runs hold back, by name and version. */
  versions(): Promise<readonly FlowVersion[]>;

  /** Takes no more runs, lets what executes come to a resting point for at most `graceMs`, then lets go. */
  stop(graceMs: number): Promise<void>;
}

/** What a flow acts through. Everything that touches the world goes through it. */
export interface Step {
  readonly runId: string;

  /** Runs `work` until it succeeds or its policy is used up, and records the result. Throws the last error of `work`. */
  run<T>(name: string, work: (context: StepContext) => T | Promise<T>, options?: StepOptions): Promise<T>;

  sleep(name: string, durationMs: number): Promise<void>;

  /** Waits for a signal. Without a timeout it waits for ever. */
  waitForSignal<T = Json>(name: string, options?: { readonly timeoutMs?: number }): Promise<SignalResult<T>>;

  /** Runs another flow as a child and waits for its output. Throws what it failed with. */
  call<I, O>(name: string, flow: Flow<I, O>, input: I, options?: ChildOptions): Promise<O>;

  /** Starts another flow and goes on; the run id is known at once. */
  start<I, O>(name: string, flow: Flow<I, O>, input: I, options?: ChildOptions): Promise<string>;

  /**
   * Whether the run takes the new way of a change to the flow, for a fix without a version of its own. True for a run that
   * comes to this place for the first time, false for one whose journal already goes beyond it; the answer to a name is the
   * same for the whole run, and at every replay. It takes no position: once no run is left that answered false, the call can
   * be taken out, and the new way is the only one.
   */
  patched(name: string): Promise<boolean>;

  /** Milliseconds since the epoch when the latest operation became durable; the same at every replay. */
  now(): number;

  /** From 0 to 1; the same at every replay. */
  random(): number;

  /** A UUID (version 4); the same at every replay. */
  uuid(): string;
}

export interface StepContext {
  /** The same for every attempt of this step, also after a crash: `<run id>/<position>`. */
  readonly idempotencyKey: string;
  /** From 1. Failed attempts count, also across a crash. */
  readonly attempt: number;
  /** Aborted at the timeout, on cancel and when the process stops. */
  readonly signal: AbortSignal;
  /** Keeps a fact with the outcome of this attempt: both become durable together, or neither does. */
  record(fact: Fact): void;
}

export interface StepOptions {
  readonly retry?: RetryPolicy;
  /** For one attempt. Default: none. */
  readonly timeoutMs?: number;
}

export interface ChildOptions {
  /** Kept together with the start of the child. */
  readonly facts?: readonly Fact[];
}

export type SignalResult<T> =
  | { readonly timedOut: false; readonly payload: T }
  | { readonly timedOut: true; readonly payload?: undefined };

/**
 * Something for the record (an entry of `record/events.ts`). To an engine it is a value that becomes durable together with
 * the operation that it belongs to.
 */
export interface Fact {
  readonly type: string;
  readonly subject: string;
  readonly data: JsonObject;
}

/** A fact with what the engine knows of it. The id derives from run, position and attempt: the same fact has the same id. */
export interface StampedFact extends Fact {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface StartOptions {
  /** A UUID that nothing has yet. Default: a new one. */
  readonly runId?: string;
  readonly idempotency?: Idempotency;
  readonly facts?: readonly Fact[];
  /**
   * A whole number from -10 to 10, default 0. In the queue of its flow the run stands as if it had come that many minutes
   * earlier: so a higher one goes first, and none waits for ever. A child has that of its parent.
   */
  readonly priority?: number;
  /** The run begins no earlier: milliseconds since the epoch. Until then it is `queued`, and not counted among those that wait for their turn. */
  readonly startAt?: number;
}

export interface Idempotency {
  /** Unique among all runs until it expires. */
  readonly key: string;
  /** What the key stands for; another fingerprint under the same key is `idempotency_key_reused`. */
  readonly fingerprint: string;
  readonly expiresAt: number;
}

export interface StartedRun {
  readonly runId: string;
  /** False when the key had a run already; `input` is then that run's. */
  readonly created: boolean;
  readonly input: unknown;
}

export interface SignalOptions {
  /** Which wait on this name it is for, from 1. Without it: the first that has no value yet. */
  readonly occurrence?: number;
  /**
   * The sender's own id of it: what is sent again with it to the same name of the same run changes nothing and is a `duplicate`,
   * also after the run has ended.
   */
  readonly key?: string;
}

/** `delivered` to a wait, `kept` for one to come, or `duplicate`: that wait has its value already, or the key was used. */
export type SignalOutcome = 'delivered' | 'kept' | 'duplicate';

export type RunStatus = 'queued' | 'running' | 'waiting' | 'paused' | 'succeeded' | 'failed' | 'cancelled';
export type EndedStatus = Extract<RunStatus, 'succeeded' | 'failed' | 'cancelled'>;

export function hasEnded(status: RunStatus): status is EndedStatus {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}

export interface RunError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: JsonObject;
}

export interface Run {
  readonly runId: string;
  readonly flow: string;
  readonly version: number;
  readonly status: RunStatus;
  readonly input: unknown;
  readonly output?: unknown;
  readonly error?: RunError;
  readonly createdAt: number;
  /** When it was to begin, for one that was started for later. */
  readonly startAt?: number;
  readonly endedAt?: number;

  /** The run that this one was started anew from. */
  readonly restartOf?: string;
  /** The latest run that was started anew from this one. */
  readonly restartedAs?: string;
}

export interface RunFilter {
  readonly flow?: string;
  readonly status?: RunStatus;
  /** Failed runs that have not been started anew: the dead letters. */
  readonly deadLetters?: boolean;
  /** The cursor of an earlier page. */
  readonly after?: string;
  /** Default 50, at most 500. */
  readonly limit?: number;
}

export interface DeadLetterCount {
  readonly flow: string;
  readonly count: number;
}

export interface RunPage {
  readonly runs: readonly Run[];
  readonly next?: string;
}

export type OperationKind = 'run' | 'sleep' | 'signal' | 'call' | 'start';

export interface Operation {
  readonly position: number;
  readonly kind: OperationKind;
  readonly name: string;
  readonly status: 'pending' | 'retrying' | 'succeeded' | 'failed';
  /** Attempts that were made, for kind `run`. */
  readonly attempts: number;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** When a sleep, a timeout or the next attempt is due. */
  readonly dueAt?: number;
  readonly result?: unknown;
  readonly error?: RunError;
  /** The run that a call or a start began. */
  readonly childRunId?: string;
}

/** A version of a flow, and the runs that have not ended and keep it. */
export interface FlowVersion {
  readonly flow: string;
  readonly version: number;
  /** Whether this process has its code. */
  readonly registered: boolean;
  /** Runs that have not ended. */
  readonly unfinished: number;
  readonly statuses: Readonly<Partial<Record<RunStatus, number>>>;
  /** How many runs are paused, by the code of what they are paused for. */
  readonly pausedFor: Readonly<Partial<Record<ErrorCode, number>>>;
  /** When the oldest of them was started: milliseconds since the epoch. */
  readonly oldestStartedAt?: number;
}

export interface EngineStats {
  /** Runs that wait for their turn, but for those in the background. */
  readonly queued: number;
  /** Runs of flows in the background that wait for their turn; 0 where that is not known. */
  readonly inBackground: number;
  /** Runs whose code executes now. */
  readonly running: number;
  /** Runs held in memory, waiting ones included. */
  readonly resident: number;
}

/** What `JSON.stringify` of an input, a result, an output or a signal may measure in UTF-8 to be kept in the journal. */
export const journalLimitBytes = 256 * 1024;
/** What it may measure at all; what is larger than the journal takes is an object, and travels by reference. */
export const valueLimitBytes = 32 * 1024 * 1024;
export const operationLimit = 3_000;
