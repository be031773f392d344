import { type ErrorCode, messageOf, SignalboxError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { RunError } from './engine.ts';

/** An error as it is kept; what an error of the catalogue says of itself comes back with it. */
export interface KeptError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What is shown of it. */
export function runErrorOf({ code, message, details }: KeptError): RunError {
  return { code, message, ...(details && { details: details as JsonObject }) };
}

export function keepError(thrown: unknown, otherwise: ErrorCode): KeptError {
  const known = asSignalboxError(thrown);
  if (known === undefined) return { code: otherwise, ...shownError(thrown) };
  const { code, message, retryable, details } = known;
  return { code, message, retryable, ...(details && { details: keptDetails(details) }) };
}

/** The error of the catalogue that was thrown, if it was one. */
export function asSignalboxError(thrown: unknown): SignalboxError | undefined {
  try {
    return thrown instanceof SignalboxError ? thrown : undefined;
  } catch {
    return undefined;
  }
}

/** What JSON has no words for is left out as a whole. */
function keptDetails(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(JSON.stringify(details)) as Record<string, unknown>;
  } catch (error) {
    return { unkept: `The details are no JSON: ${messageOf(error)}` };
  }
}

/** Anything can be thrown, also what can't be looked at: an object without a prototype, a getter that throws. */
function shownError(thrown: unknown): { message: string; retryable: boolean } {
  try {
    const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    const retryable = (thrown as { retryable?: unknown } | undefined)?.retryable !== false;
    return { message: message.slice(0, 10_000), retryable };
  } catch {
    return { message: `${typeof thrown} that can not be shown as text`, retryable: true };
  }
}

export function revivedError(kept: KeptError, cause?: unknown): SignalboxError {
  const { retryable, details } = kept;
  return new SignalboxError(kept.code, kept.message, { retryable, ...(details && { details }), cause });
}
