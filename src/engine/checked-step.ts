import { SignalboxError } from '../core/errors.ts';
import type { RetryPolicy } from '../core/retry.ts';
import type { Step, StepOptions } from './engine.ts';
import { checkName } from './names.ts';

/** A hundred years. What is to last longer lasts so long: no clock and no journal has numbers for it. */
const longestMs = 3_155_760_000_000;

/**
 * A step that refuses what no engine can do, before it takes a place in the journal: so it is refused in the same way whenever the
 * flow is replayed. What would last longer than a hundred years lasts a hundred years.
 */
export function checkedStep(step: Step): Step {
  return {
    ...step,
    run: (name, work, options) =>
      unlessRefused(name, () => step.run(name, work, options && boundedOptions(name, options))),
    sleep: (name, durationMs) =>
      unlessRefused(name, () => step.sleep(name, boundedMs(`sleep "${name}"`, durationMs))),
    waitForSignal: (name, options = {}) =>
      unlessRefused(name, () => step.waitForSignal(name, boundedTimeout(`wait "${name}"`, options))),
    call: (name, flow, input, options) => unlessRefused(name, () => step.call(name, flow, input, options)),
    start: (name, flow, input, options) => unlessRefused(name, () => step.start(name, flow, input, options)),
  };
}

function unlessRefused<T>(name: string, operate: () => Promise<T>): Promise<T> {
  try {
    checkName('operation', name);
    return operate();
  } catch (error) {
    const refused = Promise.reject(error);
    // A flow need not wait for it: then its rejection is nobody's, and no alarm.
    refused.catch(() => {});
    return refused;
  }
}

function boundedMs(what: string, durationMs: number): number {
  if (typeof durationMs === 'number' && !Number.isNaN(durationMs)) return Math.min(durationMs, longestMs);
  throw new SignalboxError(
    'invalid_request',
    `The ${what} was given ${String(durationMs)} as a time; a number of milliseconds is expected.`,
  );
}

function boundedTimeout<O extends { readonly timeoutMs?: number }>(what: string, options: O): O {
  const { timeoutMs } = options;
  return timeoutMs === undefined ? options : { ...options, timeoutMs: boundedMs(what, timeoutMs) };
}

function boundedOptions(name: string, options: StepOptions): StepOptions {
  const what = `step "${name}"`;
  const { retry } = options;
  if (retry !== undefined) checkRetry(what, retry);
  return boundedTimeout(what, options);
}

function checkRetry(what: string, { maxAttempts, delaysMs, maxElapsedMs }: RetryPolicy): void {
  for (const delayMs of [...delaysMs, maxElapsedMs ?? 0]) {
    if (typeof delayMs === 'number' && delayMs >= 0 && delayMs <= longestMs) continue;
    throw new SignalboxError(
      'invalid_request',
      `The retry policy of ${what} has ${String(delayMs)} as a time; milliseconds from 0 to ${longestMs} are expected.`,
    );
  }
  if (maxAttempts >= 1) return;
  throw new SignalboxError(
    'invalid_request',
    `The retry policy of ${what} has ${String(maxAttempts)} attempts; 1 or more are expected.`,
  );
}
