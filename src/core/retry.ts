/** When and how often something is tried again. Pure: the caller supplies the time and the random number. */

export interface RetryPolicy {
  /** Attempts in all, the first included; at least 1. */
  readonly maxAttempts: number;
  /** Waits before the second, third, … attempt; the last one repeats. Each is varied by ±10 %. */
  readonly delaysMs: readonly number[];
  /** No further attempt begins later than this after the first one began. */
  readonly maxElapsedMs?: number;
}

/** What a step gets that asks for nothing: exponential from 1 s to 60 s, five attempts. */
export const defaultRetry: RetryPolicy = {
  maxAttempts: 5,
  delaysMs: exponentialDelays({ initialMs: 1_000, maxMs: 60_000, count: 7 }),
};

export const noRetry: RetryPolicy = { maxAttempts: 1, delaysMs: [] };

/** min(initial · 2^n, max) for n = 0 … count-1. */
export function exponentialDelays(options: { initialMs: number; maxMs: number; count: number }): number[] {
  return Array.from({ length: options.count }, (_, n) => Math.min(options.initialMs * 2 ** n, options.maxMs));
}

/** ±10 % around a delay; `random` is from 0 (inclusive) to 1. */
export function jitter(delayMs: number, random: number): number {
  return Math.round(delayMs * (0.9 + 0.2 * random));
}

export interface FailedAttempt {
  /** The number of the attempt that failed, from 1. */
  readonly attempt: number;
  readonly retryable: boolean;
  /** What the other side asked for; it replaces a shorter delay. */
  readonly retryAfterMs?: number | undefined;
  readonly elapsedMs: number;
  readonly random: number;
}

/** The wait before the next attempt in milliseconds, or undefined when there is none. */
export function nextDelayMs(policy: RetryPolicy, failed: FailedAttempt): number | undefined {
  if (!failed.retryable || failed.attempt >= policy.maxAttempts) return undefined;
  const planned = policy.delaysMs[Math.min(failed.attempt, policy.delaysMs.length) - 1] ?? 0;
  const { retryAfterMs = 0 } = failed;
  const asked = Number.isFinite(retryAfterMs) ? retryAfterMs : 0;
  const delayMs = Math.max(jitter(planned, failed.random), asked);
  const tooLate = policy.maxElapsedMs !== undefined && failed.elapsedMs + delayMs > policy.maxElapsedMs;
  return tooLate ? undefined : delayMs;
}
