import { nextDelayMs, noRetry, type RetryPolicy } from '../core/retry.ts';
import { asSignalboxError, type KeptError, keepError } from './kept-error.ts';

export interface AttemptFailure {
  readonly error: KeptError;
  /** How long to wait for the next attempt; without it the error is the end of the step. */
  readonly delayMs?: number;
}

/** What becomes of a step whose attempt (from 1) has failed, so long after its first one began. */
export function attemptFailure(
  thrown: unknown,
  step: { readonly attempt: number; readonly elapsedMs: number; readonly retry?: RetryPolicy | undefined },
): AttemptFailure {
  const { attempt, elapsedMs, retry = noRetry } = step;
  const error = keepError(thrown, 'step_failed');
  const delayMs = nextDelayMs(retry, {
    attempt,
    retryable: error.retryable,
    retryAfterMs: asSignalboxError(thrown)?.retryAfterMs,
    elapsedMs,
    random: Math.random(),
  });
  return { error, ...(delayMs !== undefined && { delayMs }) };
}
