import { SignalboxError } from '../core/errors.ts';
import type { Fact, StepContext } from './engine.ts';

export interface AttemptEnd {
  readonly facts: readonly Fact[];
  readonly value?: unknown;
  readonly error?: unknown;
}

/** What a timer of the platform can wait for: 2^31 - 1 ms, some 24.8 days. */
const longestTimerMs = 2_147_483_647;

/**
 * One attempt of a step. It ends once: with what the work returned or threw, with its timeout, or by `abandon`; what comes
 * later from the work is ignored.
 */
export class Attempt implements StepContext {
  readonly idempotencyKey: string;
  readonly attempt: number;
  readonly #stepName: string;
  readonly #onEnd: (end: AttemptEnd) => void;
  #facts: Fact[] | undefined;
  #controller: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(
    of: { idempotencyKey: string; attempt: number; stepName: string },
    onEnd: (end: AttemptEnd) => void,
  ) {
    this.idempotencyKey = of.idempotencyKey;
    this.attempt = of.attempt;
    this.#stepName = of.stepName;
    this.#onEnd = onEnd;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  record(fact: Fact): void {
    this.#facts ??= [];
    this.#facts.push(fact);
  }

  begin(work: (context: StepContext) => unknown, timeoutMs: number | undefined): void {
    if (timeoutMs !== undefined) this.#arm(timeoutMs, timeoutMs);
    try {
      const value = work(this);
      if (isThenable(value)) {
        value.then(
          (result) => this.#end({ value: result }),
          (error) => this.#end({ error }),
        );
      } else this.#end({ value });
    } catch (error) {
      this.#end({ error });
    }
  }

  #arm(timeoutMs: number, leftMs: number): void {
    const waitMs = Math.min(leftMs, longestTimerMs);
    const ring = () => (leftMs > waitMs ? this.#arm(timeoutMs, leftMs - waitMs) : this.#timeOut(timeoutMs));
    this.#timer = setTimeout(ring, waitMs);
  }

  /** Aborts the work without reporting an end. */
  abandon(reason: Error): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#controller?.abort(reason);
  }

  #timeOut(timeoutMs: number): void {
    const error = new SignalboxError(
      'step_timeout',
      `Step "${this.#stepName}" did not end within ${timeoutMs} ms (attempt ${this.attempt}).`,
    );
    this.#end({ error });
    this.#controller?.abort(error);
  }

  #end(end: { value?: unknown } | { error: unknown }): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#onEnd({ facts: this.#facts ?? [], ...end });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null && typeof value === 'object' && typeof (value as { then?: unknown }).then === 'function'
  );
}
