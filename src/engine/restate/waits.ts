import type { RestatePromise } from '@restatedev/restate-sdk';
import type { Execution, Operation } from './execution.ts';
import { label } from './labels.ts';
import { promises, type SignalValue, type WaitState, waitState } from './messages.ts';

export function beginSleep(execution: Execution, operation: Operation, durationMs: number): void {
  const waitMs = Math.max(0, Math.ceil(durationMs));
  const dueAt = execution.now + waitMs;
  const entry = execution.context.sleep(waitMs, label(operation.position, operation.name));
  execution.watch(operation, entry, () => execution.resolve(operation, undefined, dueAt));
}

/**
 * A wait is a durable promise, which takes one value: the first that is sent to it, or, when the time is over, the word that
 * it is closed. So neither a value nor a timeout is ever lost to the other.
 */
export function beginSignalWait(
  execution: Execution,
  operation: Operation,
  occurrence: number,
  timeoutMs: number | undefined,
): void {
  const { context } = execution;
  const key = promises.signal(operation.name, occurrence);
  const dueAt = execution.now + Math.max(0, Math.ceil(timeoutMs ?? 0));
  const wait: WaitState = { occurrence, position: operation.position };
  context.set(waitState(operation.name), wait);
  execution.watch(operation, context.promise<SignalValue>(key).get(), async ({ value }) => {
    const signal = value as SignalValue;
    if ('closed' in signal) {
      execution.resolve(operation, { timedOut: true }, dueAt);
      return;
    }
    const payload = await execution.host.values.resolve(signal.payload);
    execution.resolve(operation, { timedOut: false, payload }, signal.sentAt);
  });
  if (timeoutMs === undefined) return;
  const timer = context.sleep(dueAt - execution.now, label(operation.position, operation.name, 'timeout'));
  execution.watch(operation, timer, () => closeWait(execution, operation, key, dueAt));
}

function closeWait(execution: Execution, operation: Operation, key: string, dueAt: number): void {
  const closing = execution.context.promise<SignalValue>(key).resolve({ closed: true });
  execution.watch(operation, closing as RestatePromise<void>, ({ failure }) => {
    // Otherwise a value came first: it is on its way to the wait.
    if (failure === undefined) execution.resolve(operation, { timedOut: true }, dueAt);
  });
}
