import { noRetry } from '../../core/retry.ts';
import { Attempt, type AttemptEnd } from '../attempt.ts';
import { attemptFailure } from '../attempt-failure.ts';
import type { StepContext, StepOptions } from '../engine.ts';
import type { Operation } from '../replay.ts';
import type { KeptValue } from '../values.ts';
import type { Execution } from './execution.ts';
import { label } from './labels.ts';
import type { AttemptOutcome } from './messages.ts';

/** A step of kind `run` while its attempts go on. */
interface RunningStep {
  readonly execution: Execution;
  readonly operation: Operation;
  readonly work: (context: StepContext) => unknown;
  readonly options: StepOptions;
  /** When its first attempt began. */
  readonly startedAt: number | undefined;
}

/**
 * Gives Restate the next attempt of a step. An attempt that fails is an entry of the journal too, with the wait after it, as
 * Restate's own retries would block the whole run and count its crashes.
 */
export function attemptStep(step: RunningStep, attempt: number): void {
  const { execution, operation } = step;
  const name = label(operation.position, operation.name, attempt === 1 ? undefined : attempt);
  const release = execution.attemptSlots.take(() => {
    const entry = execution.context.run(name, () => makeAttempt(step, attempt));
    execution.watch(operation, entry, async ({ value }) => {
      const outcome = value as AttemptOutcome;
      // Before anything else goes into the journal: see `record`.
      await execution.record(outcome.facts ?? []);
      release();
      const { values } = execution.host;
      attemptEnded(step, attempt, { ...outcome, value: await values.resolve(outcome.value) });
    });
  });
  operation.waitsFor(release);
}

function attemptEnded(step: RunningStep, attempt: number, outcome: AttemptOutcome): void {
  const { operation } = step;
  const { startedAt, endedAt, value, error, delayMs } = outcome;
  if (error === undefined) operation.resolve(value, endedAt);
  else if (delayMs === undefined) operation.reject(error, endedAt);
  else attemptAgain({ ...step, startedAt: step.startedAt ?? startedAt }, attempt + 1, delayMs);
}

function attemptAgain(step: RunningStep, attempt: number, delayMs: number): void {
  const { execution, operation } = step;
  if (delayMs <= 0) {
    attemptStep(step, attempt);
    return;
  }
  const name = label(operation.position, operation.name, `delay${attempt}`);
  const delay = execution.context.sleep(Math.ceil(delayMs), name);
  execution.watch(operation, delay, () => attemptStep(step, attempt));
}

async function makeAttempt(step: RunningStep, attempt: number): Promise<AttemptOutcome> {
  const { runId, host } = step.execution;
  await host.values.ready(runId);
  const startedAt = Date.now();
  const end = await attemptOf(step, attempt);
  return await outcomeOf({ ...step, startedAt: step.startedAt ?? startedAt }, attempt, end, startedAt);
}

function attemptOf(step: RunningStep, number: number): Promise<AttemptEnd> {
  const { execution, operation, work, options } = step;
  const idempotencyKey = `${execution.runId}/${operation.position}`;
  return new Promise((resolve, reject) => {
    const of = { idempotencyKey, attempt: number, stepName: operation.name };
    const attempt = new Attempt(of, (end) => {
      forget();
      resolve(end);
    });
    const forget = execution.onAbort((reason) => {
      attempt.abandon(reason);
      reject(reason);
    });
    attempt.begin(work, options.timeoutMs);
  });
}

async function outcomeOf(
  step: RunningStep,
  attempt: number,
  end: AttemptEnd,
  startedAt: number,
): Promise<AttemptOutcome> {
  const { execution, operation } = step;
  const endedAt = Date.now();
  const facts = execution.replay.stamp(operation, attempt, end.facts, endedAt);
  const kept = { startedAt, endedAt, ...(facts.length > 0 && { facts }) };
  if ('error' in end) return { ...kept, ...failed(step, attempt, end.error, endedAt) };
  const { runId, host } = execution;
  let result: KeptValue;
  try {
    result = host.values.keep(runId, end.value, `result of step "${operation.name}"`);
  } catch (error) {
    return { ...kept, ...failed({ ...step, options: { retry: noRetry } }, attempt, error, endedAt) };
  }
  // When that fails, Restate makes the attempt again.
  await result.store?.();
  return { ...kept, value: result.reference ?? end.value };
}

function failed(step: RunningStep, attempt: number, error: unknown, at: number) {
  return attemptFailure(error, { attempt, elapsedMs: at - step.startedAt!, retry: step.options.retry });
}
