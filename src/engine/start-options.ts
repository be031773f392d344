import { SignalboxError } from '../core/errors.ts';
import type { StartOptions } from './engine.ts';

/** Throws `invalid_request` for a priority or a time that means nothing. */
export function checkStartOptions({ priority = 0, startAt = 0 }: StartOptions): void {
  if (!Number.isSafeInteger(priority) || Math.abs(priority) > 10) {
    throw new SignalboxError(
      'invalid_request',
      `The priority ${priority} was given; a whole number from -10 to 10 is expected.`,
    );
  }
  if (!Number.isSafeInteger(startAt) || startAt < 0) {
    throw new SignalboxError(
      'invalid_request',
      `The run is to begin at ${startAt}; whole milliseconds since the epoch are expected.`,
    );
  }
}
