import type { Json } from '../../core/json.ts';
import type { Run, RunStatus } from '../engine.ts';
import type { KeptError } from '../kept-error.ts';
import type { Place } from '../records.ts';
import type { KeptFacts } from './kept-facts.ts';

/**
 * What AWS and the records hold of ours. Runs outlive the program that began them, so that a field may be added here and never
 * change its meaning.
 */

/** What an execution is started with. */
export interface RunRequest {
  readonly runId: string;
  readonly flow: string;
  readonly version: number;
  readonly input?: unknown;
  readonly createdAt: number;
  readonly startAt?: number;
  /** The facts of the start; the run writes them before anything else. */
  readonly facts: KeptFacts;
  readonly restartOf?: string;
  /** The callback of the run that waits for this one. */
  readonly parentCallback?: string;
}

/** The result of a step in AWS, which therefore never fails there. */
export interface StepRecord {
  /** The order in which the steps of a run ended. */
  readonly order: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly value?: unknown;
  readonly error?: KeptError;
  /** How long to wait for the next attempt; without it an error is the end of the step. */
  readonly delayMs?: number;
  readonly facts?: KeptFacts;
}

/** What has come from outside, in the order in which the flow was told of it: the result of an `order` step. */
export interface OrderRecord {
  /** How much the flow had been told before. */
  readonly after: number;
  readonly deliver: readonly string[];
}

/** The value of the callback with which a run is asked to cancel itself. */
export interface ControlMessage {
  readonly cancel: string;
}

/** The value of the callback of a run that waits for another one. */
export interface ChildResult {
  readonly output?: unknown;
  readonly error?: KeptError;
}

/** What is kept of a run beside its journal. */
export interface RunRecord extends Omit<Run, 'status' | 'error'> {
  readonly status: RunStatus;
  readonly error?: KeptError;
  /** The execution; unknown until whoever started the run, or the run itself, has noted it. */
  readonly arn?: string;
  /** The callback that wakes the run to cancel itself. */
  readonly control?: string;
  /** The callback that wakes a paused run. */
  readonly pauseCallback?: string;
  /** Why it was asked to cancel itself. */
  readonly cancelReason?: string;
  readonly parentCallback?: string;
  /** The patches whose new way the run takes. */
  readonly patches?: readonly string[];
}

/** What is to be changed of it; undefined takes it away. */
export type RunChange = { readonly [K in keyof RunRecord]?: RunRecord[K] | undefined };

/** One wait on a signal, or a value that came before it. */
export interface InboxRecord {
  /** Of the run, once it waits. */
  readonly callback?: string;
  readonly value?: { readonly payload: Json };
  /** The sender's own id of the value. */
  readonly key?: string;
  /** Whose value it is, or was: one for each call of `signal`. */
  readonly sender?: string;
  /** The wait has its value, or has timed out. */
  readonly closed?: boolean;
}

/** Who has an idempotency key. */
export interface KeyRecord {
  readonly runId: string;
  readonly fingerprint: string;
  readonly expiresAt: number;
  readonly request: RunRequest;
}

export const recordKeys = {
  run: (runId: string): string => `run/${runId}`,
  idempotency: (key: string): string => `key/${key}`,
  inbox: (runId: string, name: string, occurrence: number): string => `inbox/${runId}/${occurrence}/${name}`,
  waiting: (runId: string, name: string): string => `waiting/${runId}/${name}`,
} as const;

/** The run that a record of an inbox is of, by its key. */
export const runIdOf = (key: string): string => key.split('/')[1]!;

/** The list that a run is in, by its state. One that has ended may be forgotten some time; a dead letter stays. */
export function placeOf({ status, restartedAs, endedAt }: RunRecord): Place {
  if (status === 'failed' && restartedAs === undefined) return { list: status };
  const list = status === 'failed' ? 'failed-restarted' : status;
  return { list, ...(endedAt !== undefined && { dueAt: endedAt + shortestRetentionMs }) };
}

/** As configuration has it: a week. */
const shortestRetentionMs = 7 * 86_400_000;

/** The list of what is kept for a run, whether or not it is there yet. */
export const listFor = (runId: string): string => `for/${runId}`;
