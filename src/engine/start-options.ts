import { SignalboxError } from '../core/errors.ts';
import { operationLimit, type SignalOptions, type StartOptions } from './engine.ts';
import { checkName } from './names.ts';

/** Throws `invalid_request` for a priority or a time that means nothing, and for an id or key that can't be kept. */
export function checkStartOptions({ runId, idempotency, priority = 0, startAt = 0 }: StartOptions): void {
  if (runId !== undefined) checkName('run', runId);
  if (idempotency !== undefined) checkName('idempotency key', idempotency.key);
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

/** Throws `invalid_request` for a name or a key that can't be kept, and for a wait that can't be. */
export function checkSignal(name: string, { occurrence = 1, key }: SignalOptions): void {
  checkName('signal', name);
  if (key !== undefined) checkName('key of a signal', key);
  if (Number.isSafeInteger(occurrence) && occurrence >= 1 && occurrence <= operationLimit) return;
  throw new SignalboxError(
    'invalid_request',
    `The signal "${name}" is for the wait ${occurrence} on its name; a whole number from 1 to ${operationLimit} is expected.`,
  );
}
