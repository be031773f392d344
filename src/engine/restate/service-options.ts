import type { WorkflowOptions } from '@restatedev/restate-sdk';

const dayMs = 86_400_000;

/** Whatever fails in between (a store that is away, a worker that restarts) is tried again for ever, soon at first. */
export const retryPolicy = {
  initialInterval: 50,
  exponentiationFactor: 2,
  maxInterval: 10_000,
  // Restate's own default is to pause a run after 70 attempts.
  maxAttempts: 2 ** 31 - 1,
} as const;

/** How long an attempt may say nothing before Restate takes it for lost: a step may well take hours. */
const attemptMs = dayMs;

export function workflowOptions(retentionMs: number): WorkflowOptions {
  return {
    explicitCancellation: true,
    workflowRetention: retentionMs,
    journalRetention: retentionMs,
    inactivityTimeout: attemptMs,
    abortTimeout: attemptMs,
    retryPolicy,
  };
}
