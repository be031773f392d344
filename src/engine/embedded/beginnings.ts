import type { Sql } from '../../sqlite/database.ts';
import { keepError } from '../kept-error.ts';
import type { Beginnings, Child, SignalWait } from '../step.ts';
import type { Call, Completion } from './call.ts';
import type { Execution } from './execution.ts';
import type { PreparedRun } from './execution-host.ts';
import { insertWaiting, putEnded } from './journal.ts';
import { attemptStep } from './run-step.ts';
import { keptSignal, receivedSignal } from './signals.ts';

/** How what a flow calls begins, in the transaction that writes it into the journal. */
export function beginningsOf(execution: Execution): Beginnings<Call> {
  return {
    run: (call, work, options) => attemptStep({ execution, call, options }, work),
    sleep: (call, durationMs) => beginSleep(execution, call, durationMs),
    signal: (call, wait) => beginSignalWait(execution, call, wait),
    call: (call, child) => beginChild(execution, call, child),
    start: (call, child) => beginChild(execution, call, child),
  };
}

function beginSleep(execution: Execution, call: Call, durationMs: number): void {
  const dueAt = call.startedAt + Math.max(0, Math.ceil(durationMs));
  const { position, kind, name, startedAt } = call;
  const operation = { run: execution.id, position, kind, name, target: null, dueAt, startedAt };
  const write = (sql: Sql): undefined => insertWaiting(sql, operation);
  execution.writes.commit(call, write, () => execution.host.setAlarm(dueAt));
}

function beginSignalWait(execution: Execution, call: Call, wait: SignalWait): void {
  const { host } = execution;
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
  execution.writes.commit(call, write, () => dueAt !== null && host.setAlarm(dueAt));
}

function beginChild<I, O>(execution: Execution, call: Call, child: Child<I, O>): void {
  const { host } = execution;
  const { position, kind, name, startedAt } = call;
  const waits = kind === 'call';
  let run: PreparedRun;
  try {
    const { priority } = execution;
    const origin = waits ? { priority, parent: { id: execution.id, position } } : { priority };
    run = host.newRun(child.flow, child.input, origin);
  } catch (error) {
    execution.writes.end(call, { error: keepError(error, 'step_failed'), cause: error });
    return;
  }
  const operation = { run: execution.id, position, kind, name, target: run.runId, startedAt };
  const write = (sql: Sql): Completion | undefined => {
    run.insert(sql);
    if (child.facts.length > 0) host.writeFacts(sql, execution.writes.stamp(call, child.facts, startedAt));
    if (waits) return insertWaiting(sql, { ...operation, dueAt: null });
    const end = { sequence: execution.takeSequence(), endedAt: host.clock() };
    putEnded(sql, { ...operation, ...end, attempts: 0, result: JSON.stringify(run.runId), error: null });
    return { position, ...end, value: run.runId };
  };
  execution.writes.whenStored(call, run.store, () => execution.writes.commit(call, write, run.enqueue));
}
