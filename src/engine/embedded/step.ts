import { defaultRetry } from '../../core/retry.ts';
import type { Sql } from '../../sqlite/database.ts';
import { checkedStep } from '../checked-step.ts';
import type { ChildOptions, Fact, SignalResult, Step, StepContext, StepOptions } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { keepError } from '../kept-error.ts';
import type { Execution } from './execution.ts';
import type { Call, Completion, ExecutionHost, PreparedRun } from './execution-host.ts';
import { insertWaiting, putEnded } from './journal.ts';
import { attemptStep } from './run-step.ts';
import { keptSignal, receivedSignal } from './signals.ts';

const defaultOptions: StepOptions = { retry: defaultRetry };

/** The step that a flow acts through, over an execution. */
export function createStep(execution: Execution, host: ExecutionHost): Step {
  return checkedStep({
    runId: execution.runId,
    run: <T>(name: string, work: (context: StepContext) => T | Promise<T>, options?: StepOptions) => {
      const attemptOptions = options === undefined ? defaultOptions : { ...defaultOptions, ...options };
      return execution.open<T>('run', name, (call) =>
        attemptStep({ execution, host, call, options: attemptOptions }, work),
      );
    },
    sleep: (name, durationMs) =>
      execution.open<void>('sleep', name, (call) => beginSleep(execution, host, call, durationMs)),
    waitForSignal: <T>(name: string, options: { timeoutMs?: number } = {}) => {
      const occurrence = execution.nextOccurrence(name);
      return execution.open<SignalResult<T>>('signal', name, (call) =>
        beginSignalWait(execution, host, call, { occurrence, timeoutMs: options.timeoutMs }),
      );
    },
    call: <I, O>(name: string, flow: Flow<I, O>, input: I, options: ChildOptions = {}) =>
      execution.open<O>('call', name, (call) =>
        beginChild(execution, host, call, { flow, input, facts: options.facts ?? [] }),
      ),
    start: <I, O>(name: string, flow: Flow<I, O>, input: I, options: ChildOptions = {}) =>
      execution.open<string>('start', name, (call) =>
        beginChild(execution, host, call, { flow, input, facts: options.facts ?? [] }),
      ),
    patched: async (name) => execution.patched(name),
    now: () => execution.now,
    random: () => execution.source.random(),
    uuid: () => execution.source.uuid(),
  });
}

function beginSleep(execution: Execution, host: ExecutionHost, call: Call, durationMs: number): void {
  const dueAt = call.startedAt + Math.max(0, Math.ceil(durationMs));
  const { position, kind, name, startedAt } = call;
  const operation = { run: execution.id, position, kind, name, target: null, dueAt, startedAt };
  const write = (sql: Sql): undefined => insertWaiting(sql, operation);
  execution.commit(call, write, () => host.setAlarm(dueAt));
}

function beginSignalWait(
  execution: Execution,
  host: ExecutionHost,
  call: Call,
  wait: { occurrence: number; timeoutMs: number | undefined },
): void {
  const dueAt = wait.timeoutMs === undefined ? null : call.startedAt + Math.max(0, Math.ceil(wait.timeoutMs));
  const { position, kind, name, startedAt } = call;
  const operation = { run: execution.id, position, kind, name, target: String(wait.occurrence), startedAt };
  const write = (sql: Sql): Completion | undefined => {
    const payload = keptSignal(sql, execution.runId, name, wait.occurrence);
    if (payload === undefined) return insertWaiting(sql, { ...operation, dueAt });
    const end = { sequence: execution.takeSequence(), endedAt: host.clock() };
    const result = receivedSignal(payload);
    putEnded(sql, { ...operation, ...end, attempts: 0, result, error: null });
    return { position, ...end, value: JSON.parse(result) };
  };
  execution.commit(call, write, () => dueAt !== null && host.setAlarm(dueAt));
}

function beginChild<I, O>(
  execution: Execution,
  host: ExecutionHost,
  call: Call,
  child: { flow: Flow<I, O>; input: I; facts: readonly Fact[] },
): void {
  const { position, kind, name, startedAt } = call;
  const waits = kind === 'call';
  let run: PreparedRun;
  try {
    const { priority } = execution;
    const origin = waits ? { priority, parent: { id: execution.id, position } } : { priority };
    run = host.newRun(child.flow, child.input, origin);
  } catch (error) {
    execution.end(call, { error: keepError(error, 'step_failed'), cause: error });
    return;
  }
  const operation = { run: execution.id, position, kind, name, target: run.runId, startedAt };
  const write = (sql: Sql): Completion | undefined => {
    run.insert(sql);
    if (child.facts.length > 0) host.writeFacts(sql, execution.stamp(call, child.facts, startedAt));
    if (waits) return insertWaiting(sql, { ...operation, dueAt: null });
    const end = { sequence: execution.takeSequence(), endedAt: host.clock() };
    putEnded(sql, { ...operation, ...end, attempts: 0, result: JSON.stringify(run.runId), error: null });
    return { position, ...end, value: run.runId };
  };
  execution.whenStored(call, run.store, () => execution.commit(call, write, run.enqueue));
}
