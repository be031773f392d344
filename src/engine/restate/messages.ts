import type { Json } from '../../core/json.ts';
import type { StampedFact } from '../engine.ts';
import type { KeptError } from '../kept-error.ts';

/**
 * What the journal of Restate holds of ours. Runs outlive the program that began them, so that a field may be added here and
 * never change its meaning; what has to change gets a new `journalPath`.
 */

/** Deployments are registered under this path and their namespace. Runs stay with the path that they began on. */
export const journalPath = '/journal/1';

/** What a run is started with. */
export interface RunRequest {
  readonly flow: string;
  readonly version: number;
  readonly input: unknown;
  readonly createdAt: number;
  /** The run begins no earlier. */
  readonly startAt?: number;
  /** The facts of the start; the run writes them before anything else. */
  readonly facts: readonly StampedFact[];
  readonly restartOf?: string;
  /** With which it was started, if with one. */
  readonly idempotencyKey?: string;
  /** Of a flow that limits the runs with one key. */
  readonly place?: { readonly key: string; readonly limit: number };
}

/** What a run that succeeded ends with. */
export interface RunResult {
  readonly output?: unknown;
  readonly endedAt: number;
}

/** The outcome of one attempt of a step; the result of a `ctx.run`, which therefore never fails. */
export interface AttemptOutcome {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly value?: unknown;
  readonly error?: KeptError;
  /** How long to wait for the next attempt; without it an error is the end of the step. */
  readonly delayMs?: number;
  readonly facts?: readonly StampedFact[];
}

/** The value of the durable promise of one wait on a signal. */
export type SignalValue =
  | { readonly payload: Json; readonly sentAt: number }
  /** The wait timed out first. */
  | { readonly closed: true };

export interface SignalRequest {
  readonly name: string;
  readonly payload: Json;
  readonly occurrence?: number;
  readonly sentAt: number;
  /** The sender's own id of it. */
  readonly key?: string;
  /** The run has ended: only what its key says is asked. */
  readonly ended?: true;
}

export interface CancelRequest {
  readonly invocationId: string;
  readonly reason: string;
}

/** A run that wants a place of its concurrency key. */
export interface PlaceRequest {
  readonly invocationId: string;
  /** Resolved once it has the place. */
  readonly awakeableId: string;
  readonly limit: number;
}

export interface PatchRequest {
  readonly name: string;
  /** Whether the run is to take the new way when nothing is kept yet. */
  readonly isNew: boolean;
}

export interface RestartRequest {
  readonly runId: string;
  readonly request: RunRequest;
}

export interface ClaimRequest {
  readonly runId: string;
  readonly request: RunRequest;
  readonly fingerprint: string;
  readonly expiresAt: number;
  readonly now: number;
}

/** The run that has an idempotency key. */
export interface KeyHolder {
  readonly runId: string;
  readonly input: unknown;
  readonly facts: readonly StampedFact[];
  readonly fingerprint: string;
  readonly expiresAt: number;
}

export interface Claimed {
  readonly holder: KeyHolder;
  readonly created: boolean;
}

/** The names of the services; a cluster of Restate may serve several installations. */
export const runService = (namespace: string): string => `${namespace}.run`;
export const keyService = (namespace: string): string => `${namespace}.idempotency-key`;

export const placeService = (namespace: string): string => `${namespace}.concurrency-key`;

/** State of a run that has not begun: while it waits for its time, and for a place of its concurrency key. */
export const delayState = 'delay';
export const placeState = 'place';

/** Durable promises of a run, by name. */
export const promises = {
  signal: (name: string, occurrence: number): string => `signal:${occurrence}:${name}`,
  signalKey: (name: string, key: string): string => `signal-key:${name.length}:${name}:${key}`,
  cancelReason: 'cancel-reason',
  terminateReason: 'terminate-reason',
  restartedAs: 'restarted-as',
  patch: (name: string): string => `patch:${name}`,
} as const;

/** The latest wait on a signal that a run has come to, in its state. */
export interface WaitState {
  readonly occurrence: number;
  readonly position: number;
}

export const waitState = (signal: string): string => `wait:${signal}`;

export function signalOfPromise(key: string): { name: string; occurrence: number } | undefined {
  const found = /^signal:(\d+):(.*)$/s.exec(key);
  return found === null ? undefined : { occurrence: Number(found[1]), name: found[2]! };
}
