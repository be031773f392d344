import type { RetryPolicy, WorkflowOptions } from '@restatedev/restate-sdk';

const dayMs = 86_400_000;

/** How long an attempt may say nothing before Restate takes it for lost: a step may well take hours. */
const attemptMs = dayMs;

export interface Keeping {
  /** How long runs that have ended are kept, with their journals. */
  readonly retentionMs: number;
  /** The longest wait before Restate tries again what failed outside of steps: a store that is away, a worker that restarts. */
  readonly longestRetryMs: number;
}

export const defaultKeeping: Keeping = { retentionMs: 30 * dayMs, longestRetryMs: 10_000 };

/** For ever, soon at first. */
export function retryPolicy({ longestRetryMs }: Keeping): RetryPolicy {
  return {
    initialInterval: 50,
    exponentiationFactor: 2,
    maxInterval: longestRetryMs,
    // Restate's own default is to pause a run after 70 attempts.
    maxAttempts: 2 ** 31 - 1,
  };
}

/** For handlers that are called from outside: a request that is sent again finds the first one for so long. */
export const callOptions = { idempotencyRetention: 3_600_000, journalRetention: 0 } as const;

export function workflowOptions(keeping: Keeping): WorkflowOptions {
  return {
    explicitCancellation: true,
    workflowRetention: keeping.retentionMs,
    journalRetention: keeping.retentionMs,
    inactivityTimeout: attemptMs,
    abortTimeout: attemptMs,
    retryPolicy: retryPolicy(keeping),
  };
}
