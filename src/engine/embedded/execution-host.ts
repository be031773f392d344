import type { SignalboxError } from '../../core/errors.ts';
import type { Sql } from '../../sqlite/database.ts';
import type { StampedFact } from '../engine.ts';
import type { Flow } from '../flow.ts';
import type { Values } from '../values.ts';
import type { Execution } from './execution.ts';

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
  readonly values: Values;
  /** Prepares a run. Throws `unknown_flow`, `invalid_request` and what `Values.keep` throws. */
  newRun<I>(flow: Flow<I>, input: I, from?: RunOrigin): PreparedRun;
  /** Calls `afterTurn` once what is under way in this turn of the event loop has come to rest. */
  scheduleTurn(execution: Execution): void;
  rested(execution: Execution): void;
  wake(execution: Execution): void;
  returned(execution: Execution, output: unknown): void;
  threw(execution: Execution, error: unknown): void;
  paused(execution: Execution, error: SignalboxError): void;
  /** The journal could not be written; what the run did since is not known. */
  writeFailed(execution: Execution, error: unknown): void;
  /** A large value could not be written or read; what the run did since is not known. */
  valueFailed(execution: Execution, error: unknown): void;
}

/** What a new run comes from. */
export interface RunOrigin {
  readonly runId?: string;
  readonly restartOf?: string;
  /** The operation that waits for its end. */
  readonly parent?: { readonly id: number; readonly position: number };
  readonly priority?: number;
  readonly startAt?: number;
}

export interface PreparedRun {
  /** Its number. */
  readonly id: number;
  readonly runId: string;
  /** To be waited for before the insert, when the input is large. */
  readonly store?: () => Promise<void>;
  insert(sql: Sql): void;
  /** To be called once the insert is durable. */
  enqueue(): void;
}
