import { SignalboxError } from '../../core/errors.ts';
import { noRetry } from '../../core/retry.ts';
import { Attempt, type AttemptEnd } from '../attempt.ts';
import { attemptFailure } from '../attempt-failure.ts';
import type { StepContext, StepOptions } from '../engine.ts';
import { keepError } from '../kept-error.ts';
import type { Operation } from '../replay.ts';
import type { KeptValue } from '../values.ts';
import type { Execution } from './execution.ts';
import { hasFacts, keepFacts } from './kept-facts.ts';
import { label } from './labels.ts';
import type { StepRecord } from './messages.ts';
import { isShort, pastInProcess, wholeSeconds } from './waits.ts';

type Outcome = Omit<StepRecord, 'order'>;

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
 * Gives the SDK the next attempt of a step, not before `from`. An attempt that fails is a step of AWS too, with its error, as
 * AWS's own retries would keep only the last one and wait whole seconds.
 */
export function attemptStep(step: RunningStep, attempt: number, from?: number): void {
  const { execution, operation } = step;
  const name = label(operation.position, 'run', operation.name, attempt === 1 ? undefined : attempt);
  const forget = execution.entries.addStep(
    name,
    () => makeAttempt(step, attempt, from),
    async ({ record }) => {
      // Before the flow goes on: see `record`.
      await execution.record(record!.facts ?? []);
      await attemptEnded(step, attempt, record!);
    },
  );
  operation.waitsFor(forget);
}

async function attemptEnded(step: RunningStep, attempt: number, record: StepRecord): Promise<void> {
  const { execution, operation } = step;
  const { startedAt, endedAt, error, delayMs } = record;
  if (error === undefined) {
    operation.resolve(await execution.host.values.resolve(record.value), endedAt);
  } else if (delayMs === undefined) operation.reject(error, endedAt);
  else attemptAgain({ ...step, startedAt: step.startedAt ?? startedAt }, attempt + 1, endedAt, delayMs);
}

function attemptAgain(step: RunningStep, attempt: number, failedAt: number, delayMs: number): void {
  const { execution, operation } = step;
  const name = label(operation.position, 'run', operation.name, `delay${attempt}`);
  if (isShort(execution, name, delayMs)) {
    attemptStep(step, attempt, failedAt + delayMs);
    return;
  }
  const forget = execution.entries.addWait(name, wholeSeconds(delayMs), () => attemptStep(step, attempt));
  operation.waitsFor(forget);
}

async function makeAttempt(step: RunningStep, attempt: number, from: number | undefined): Promise<Outcome> {
  const { execution, operation } = step;
  if (!(await execution.mayWork(operation))) return overtaken(step);
  if (from !== undefined) await pastInProcess(execution, operation, from);
  if (operation.ended) return overtaken(step);
  return execution.working(async () => {
    await execution.stored(() => execution.host.values.ready(execution.runId));
    const startedAt = execution.host.now();
    const end = await execution.whileGoingOn(await attemptOf(step, attempt));
    return outcomeOf({ ...step, startedAt: step.startedAt ?? startedAt }, attempt, end, startedAt);
  });
}

/** Nobody waits for the step any more, so that its work is not begun. */
function overtaken({ execution, operation }: RunningStep): Outcome {
  const now = execution.host.now();
  const error = new SignalboxError('run_cancelled', `Step "${operation.name}" was not begun.`);
  return { startedAt: now, endedAt: now, error: keepError(error, 'run_cancelled') };
}

function attemptOf(step: RunningStep, number: number): Promise<AttemptEnd> {
  const { execution, operation, work, options } = step;
  const idempotencyKey = `${execution.runId}/${operation.position}`;
  return new Promise((resolve) => {
    const of = { idempotencyKey, attempt: number, stepName: operation.name };
    const attempt = new Attempt(of, resolve);
    operation.abort = (reason) => {
      attempt.abandon(reason);
      resolve({ facts: [], error: reason });
    };
    attempt.begin(work, options.timeoutMs);
  });
}

async function outcomeOf(
  step: RunningStep,
  attempt: number,
  end: AttemptEnd,
  startedAt: number,
): Promise<Outcome> {
  const { execution, operation } = step;
  const endedAt = execution.host.now();
  const stamped = execution.replay.stamp(operation, attempt, end.facts, endedAt);
  const { values } = execution.host;
  let about: Pick<Outcome, 'startedAt' | 'endedAt' | 'facts'> = { startedAt, endedAt };
  let kept: KeptValue;
  try {
    const { facts, store } = keepFacts(values, execution.runId, stamped);
    await execution.stored(store);
    if (hasFacts(facts)) about = { ...about, facts };
    if ('error' in end) return { ...about, ...failed(step, attempt, end.error, endedAt) };
    kept = values.keep(execution.runId, end.value, `result of step "${operation.name}"`);
  } catch (error) {
    return { ...about, ...failed({ ...step, options: { retry: noRetry } }, attempt, error, endedAt) };
  }
  await execution.stored(kept.store);
  return { ...about, value: kept.reference ?? end.value };
}

function failed(step: RunningStep, attempt: number, error: unknown, at: number) {
  return attemptFailure(error, { attempt, elapsedMs: at - step.startedAt!, retry: step.options.retry });
}
