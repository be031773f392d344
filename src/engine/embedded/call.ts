import type { Attempt } from '../attempt.ts';
import type { OperationKind, SignalResult } from '../engine.ts';
import { type KeptError, revivedError } from '../kept-error.ts';
import { referenceOf, type ValueReference } from '../values.ts';

/** The durable end of an operation, on its way to the flow. */
export interface Completion {
  readonly position: number;
  readonly sequence: number;
  readonly endedAt: number;
  readonly value?: unknown;
  readonly error?: KeptError;
  readonly cause?: unknown;
}

/** An operation that the flow has called and that has not come back to it yet. */
export class Call {
  readonly position: number;
  readonly kind: OperationKind;
  readonly name: string;
  /** Begins the operation, or its next attempt. */
  readonly begin: (call: Call) => void;
  startedAt: number;
  attempts = 0;
  attempt: Attempt | undefined;
  /** Whether an attempt or a write of it is under way. */
  busy = false;
  readonly #settled = Promise.withResolvers<unknown>();

  constructor(
    position: number,
    kind: OperationKind,
    name: string,
    startedAt: number,
    begin: (call: Call) => void,
  ) {
    this.position = position;
    this.kind = kind;
    this.name = name;
    this.startedAt = startedAt;
    this.begin = begin;
  }

  get promise(): Promise<unknown> {
    return this.#settled.promise;
  }

  /** What has to be loaded before the flow can be given the end. */
  referenceIn({ value }: Completion): ValueReference | undefined {
    if (this.kind !== 'signal') return referenceOf(value);
    return referenceOf((value as SignalResult<unknown> | undefined)?.payload);
  }

  /** The end with the value that its reference stands for. */
  withLoaded(completion: Completion, loaded: unknown): Completion {
    const value = this.kind === 'signal' ? { timedOut: false, payload: loaded } : loaded;
    return { ...completion, value };
  }

  /** Gives the flow its end. */
  settle({ value, error, cause }: Completion): void {
    if (error === undefined) {
      this.#settled.resolve(value);
      return;
    }
    // A flow may have stopped listening to this one (it lost a race): its rejection is nobody's then, and no alarm.
    this.#settled.promise.catch(() => {});
    this.#settled.reject(revivedError(error, cause));
  }
}
