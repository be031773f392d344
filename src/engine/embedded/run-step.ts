import { noRetry } from '../../core/retry.ts';
import type { Sql } from '../../sqlite/database.ts';
import { Attempt, type AttemptEnd } from '../attempt.ts';
import { attemptFailure } from '../attempt-failure.ts';
import type { Fact, StampedFact, StepContext, StepOptions } from '../engine.ts';
import { executing } from '../executing.ts';
import type { KeptError } from '../kept-error.ts';
import type { Call } from './call.ts';
import type { Execution } from './execution.ts';
import { putRetrying } from './journal.ts';

/** A step of kind `run` while its attempts go on. */
interface RunningStep {
  readonly execution: Execution;
  readonly call: Call;
  readonly options: StepOptions;
}

/** Makes the next attempt of a step. */
export function attemptStep(step: RunningStep, work: (context: StepContext) => unknown): void {
  const { execution, call, options } = step;
  if (execution.host.stopping) return;
  call.attempts += 1;
  execution.setBusy(call, true);
  const idempotencyKey = `${execution.runId}/${call.position}`;
  const of = { idempotencyKey, attempt: call.attempts, stepName: call.name };
  const attempt = new Attempt(of, (end) => attemptEnded(step, end));
  call.attempt = attempt;
  const what = { flow: execution.flow.name, runId: execution.runId, step: call.name };
  executing(what, () => attempt.begin(work, options.timeoutMs));
}

function attemptEnded(step: RunningStep, end: AttemptEnd): void {
  const { execution, call } = step;
  if (execution.state === 'gone') return;
  if ('error' in end) {
    attemptFailed(step, end.error, end.facts);
    return;
  }
  try {
    const { runId } = execution;
    const { value, text, store } = execution.host.values.keep(
      runId,
      end.value,
      `result of step "${call.name}"`,
    );
    execution.writes.whenStored(call, store, () =>
      execution.writes.end(call, { value, result: text, facts: end.facts }),
    );
  } catch (error) {
    attemptFailed({ ...step, options: { retry: noRetry } }, error, end.facts);
  }
}

function attemptFailed(step: RunningStep, error: unknown, facts: readonly Fact[]): void {
  const { execution, call, options } = step;
  const at = execution.host.clock();
  const about = { attempt: call.attempts, elapsedMs: at - call.startedAt, retry: options.retry };
  const { error: kept, delayMs } = attemptFailure(error, about);
  if (delayMs === undefined) execution.writes.end(call, { error: kept, cause: error, facts });
  else retryAt(step, at + delayMs, kept, execution.writes.stamp(call, facts, at));
}

function retryAt(step: RunningStep, dueAt: number, error: KeptError, facts: readonly StampedFact[]): void {
  const { execution, call } = step;
  const { host } = execution;
  const write = (sql: Sql): undefined => {
    const { position, name, attempts, startedAt } = call;
    const failed = { run: execution.id, position, name, attempts, startedAt };
    putRetrying(sql, { ...failed, error: JSON.stringify(error), dueAt });
    if (facts.length > 0) host.writeFacts(sql, facts);
  };
  execution.writes.commit(call, write, () => host.setAlarm(dueAt));
}
