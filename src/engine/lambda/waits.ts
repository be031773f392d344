import type { Operation } from '../replay.ts';
import type { SignalWait } from '../step.ts';
import type { Execution } from './execution.ts';
import { label } from './labels.ts';

const secondMs = 1_000;
/** AWS's longest: 366 days. */
const mostSeconds = 31_622_400;

/** What AWS waits for: whole seconds, at least one. */
export function wholeSeconds(durationMs: number): number {
  return Math.min(Math.max(1, Math.ceil(durationMs / secondMs)), mostSeconds);
}

/** Whether a wait is made in the process, in a step, because AWS has none that short. What the journal has stays so. */
export function isShort({ journal }: Execution, waitName: string, durationMs: number): boolean {
  const recorded = journal.get(waitName);
  return recorded === undefined ? durationMs < secondMs : recorded.Type !== 'WAIT';
}

export function beginSleep(execution: Execution, operation: Operation, durationMs: number): void {
  const { entries, host } = execution;
  const name = label(operation.position, 'sleep', operation.name);
  const wait = Math.max(0, durationMs);
  const dueAt = execution.replay.now + wait;
  if (!isShort(execution, name, wait)) {
    const forget = entries.addWait(name, wholeSeconds(wait), ({ at }) => operation.resolve(undefined, at));
    operation.waitsFor(forget);
    return;
  }
  const sleep = async () => {
    const startedAt = host.now();
    if (await execution.mayWork(operation)) await pastInProcess(execution, operation, dueAt);
    return { startedAt, endedAt: Math.max(host.now(), dueAt) };
  };
  const forget = entries.addStep(name, sleep, ({ at }) => operation.resolve(undefined, at));
  operation.waitsFor(forget);
}

/** Waits in the process until then, less than a second, or until the operation is aborted. */
export function pastInProcess(execution: Execution, operation: Operation, at: number): Promise<void> {
  const waitMs = Math.min(at - execution.host.now(), secondMs);
  if (waitMs <= 0) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  // The timers of the platform may be early by a part of a millisecond.
  const timer = setTimeout(resolve, Math.ceil(waitMs) + 1);
  operation.abort = () => {
    clearTimeout(timer);
    resolve();
  };
  return execution.napping(promise);
}

/**
 * A wait is a callback of AWS, which takes one value and closes when its time is over. Its id goes into the inbox, where a value
 * may be already.
 */
export function beginSignalWait(
  execution: Execution,
  operation: Operation,
  { occurrence, timeoutMs }: SignalWait,
): void {
  const { entries, host, runId, journal } = execution;
  const { name: signal, position } = operation;
  const name = label(position, 'signal', signal);
  const offer = (callback: string) => {
    if (journal.hasEnded(name)) return;
    execution
      .working(() => host.offer(runId, signal, occurrence, callback))
      .catch((error) => execution.break(error));
  };
  const forget = entries.addCallback(
    name,
    timeoutMs === undefined ? undefined : wholeSeconds(timeoutMs),
    offer,
    async ({ payload, at }) => {
      if (payload !== undefined) {
        const value = await host.values.resolve(JSON.parse(payload));
        operation.resolve({ timedOut: false, payload: value }, at);
        return;
      }
      if (entries.uncalled === undefined) await host.closeInbox(runId, signal, occurrence);
      operation.resolve({ timedOut: true }, at);
    },
  );
  operation.waitsFor(forget);
}
