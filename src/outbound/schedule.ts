import { jitter } from '../core/retry.ts';

/** Waits in milliseconds before the second, third, … attempt of a delivery. Attempts in all: one more than waits. */
export type DeliverySchedule = readonly number[];

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** 2 s, 4 s, 8 s, and then on for most of a day, so that an outage of a receiver loses no answer. */
export const defaultSchedule: DeliverySchedule = [
  2 * second,
  4 * second,
  8 * second,
  minute,
  5 * minute,
  30 * minute,
  2 * hour,
  6 * hour,
  12 * hour,
];

/** What `Retry-After` may ask for at most. */
const longestRetryAfterMs = 24 * hour;

/**
 * The wait after failed attempt number `attempt` (from 1), or undefined when it was the last one. What the receiver asked
 * for replaces a shorter wait; it never adds an attempt. `random` is from 0 to 1.
 */
export function nextAttemptDelayMs(
  schedule: DeliverySchedule,
  failed: { readonly attempt: number; readonly retryAfterMs?: number | undefined; readonly random: number },
): number | undefined {
  const planned = schedule[failed.attempt - 1];
  if (planned === undefined) return undefined;
  return Math.max(jitter(planned, failed.random), Math.min(failed.retryAfterMs ?? 0, longestRetryAfterMs));
}

/**
 * Reads `Retry-After` (RFC 9110, section 10.2.3): seconds, or an HTTP date. Undefined for what is neither, and for a time
 * that has passed.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number(text) * second;
  // Only the forms of an HTTP date: Date.parse alone would take many other texts.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d{2}:\d{2}:\d{2}/.test(text)) return undefined;
  const at = Date.parse(/GMT$/.test(text) ? text : `${text} GMT`);
  return Number.isNaN(at) || at <= nowMs ? undefined : at - nowMs;
}
