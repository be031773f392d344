import { SignalboxError } from '../core/errors.ts';
import { type EndedStatus, operationLimit, type RunStatus } from './engine.ts';

/** What engines refuse, and what they end a run with: each says it in the same words. */

export function unknownRun(runId: string): SignalboxError {
  return new SignalboxError('unknown_run', `There is no run ${runId}. List the runs to find its id.`);
}

/** `status` where the engine knows it already. */
export function runEnded(runId: string, status?: EndedStatus): SignalboxError {
  const how = status === undefined ? '' : ` (${status})`;
  return new SignalboxError('run_ended', `Run ${runId} has ended${how}; it takes no more signals.`);
}

export function keyReused(key: string): SignalboxError {
  return new SignalboxError(
    'idempotency_key_reused',
    `The idempotency key ${JSON.stringify(key)} was used for another request. Use a new key for each request, and the same key only to repeat one.`,
  );
}

/** Throws `conflict` for a run that is not one to be started anew. */
export function checkRestartable(runId: string, status: RunStatus): void {
  if (status === 'failed' || status === 'cancelled') return;
  throw new SignalboxError(
    'conflict',
    `Run ${runId} is ${status}; only a failed or cancelled run can be started anew.`,
  );
}

export function serverStopping(): SignalboxError {
  return new SignalboxError('shutting_down', 'The server is stopping; try again in a few seconds.');
}

export function runCancelled(reason: string): SignalboxError {
  return new SignalboxError('run_cancelled', `The run was cancelled: ${reason}`);
}

export function runTerminated(reason: string): SignalboxError {
  return new SignalboxError('run_cancelled', `The run was terminated: ${reason}`);
}

/** `name` is the operation, or whatever else, that is one too many. */
export function tooManyOperations(name: string): SignalboxError {
  return new SignalboxError(
    'too_many_operations',
    `The run has called ${operationLimit} operations, which is the limit. Split the work into runs of its own with step.call or step.start. The one too many is "${name}".`,
  );
}
