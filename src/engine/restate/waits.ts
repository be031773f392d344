import type { RestatePromise } from '@restatedev/restate-sdk';
import type { Operation } from '../replay.ts';
import type { SignalWait } from '../step.ts';
import type { Execution } from './execution.ts';
import { label } from './labels.ts';
import { promises, type SignalValue, type WaitState, waitState } from './messages.ts';

export function beginSleep(execution: Execution, operation: Operation, durationMs: number): void {
  const waitMs = Math.max(0, Math.ceil(durationMs));
  const dueAt = execution.replay.now + waitMs;
  const entry = execution.context.sleep(waitMs, label(operation.position, operation.name));
  execution.watch(operation, entry, () => operation.resolve(undefined, dueAt));
}

/**
 * A wait is a durable promise, which takes one value: the first that is sent to it, or, when the time is over, the word that
 * it is closed. So neither a value nor a timeout is ever lost to the other.
 */
export function beginSignalWait(
  execution: Execution,
  operation: Operation,
  { occurrence, timeoutMs }: SignalWait,
): void {
  const { context } = execution;
  const key = promises.signal(operation.name, occurrence);
  const dueAt = execution.replay.now + Math.max(0, Math.ceil(timeoutMs ?? 0));
  const wait: WaitState = { occurrence, position: operation.position };
  context.set(waitState(operation.name), wait);
  execution.watch(operation, context.promise<SignalValue>(key).get(), async ({ value }) => {
    const signal = value as SignalValue;
    if ('closed' in signal) {
      operation.resolve({ timedOut: true }, dueAt);
      return;
    }
    const payload = await execution.host.values.resolve(signal.payload);
    operation.resolve({ timedOut: false, payload }, signal.sentAt);
  });
  if (timeoutMs === undefined) return;
  const timer = context.sleep(
    dueAt - execution.replay.now,
    label(operation.position, operation.name, 'timeout'),
  );
  execution.watch(operation, timer, () => closeWait(execution, operation, key, dueAt));
}

function closeWait(execution: Execution, operation: Operation, key: string, dueAt: number): void {
  const closing = execution.context.promise<SignalValue>(key).resolve({ closed: true });
  execution.watch(operation, closing as RestatePromise<void>, ({ failure }) => {
    // Otherwise a value came first: it is on its way to the wait.
    if (failure === undefined) operation.resolve({ timedOut: true }, dueAt);
  });
}
