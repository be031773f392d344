import type { Sql } from '../../sqlite/database.ts';
import { hasEnded, type OperationKind } from '../engine.ts';
import { type KeptError, keepError } from '../kept-error.ts';
import { runCancelled } from '../refusals.ts';
import type { Completion } from './call.ts';
import { nextSequence, operationsOf, putCancelReason, putEnded, runById, setStatus } from './journal.ts';
import type { EndedWait } from './run-ends.ts';
import type { Runtime } from './runtime.ts';

/** What a request to cancel did to one run. */
export interface Cancelled {
  readonly id: number;
  readonly flow: string;
  readonly priority: number;
  readonly reason: string;
  /** The operations that it ended; they throw into the flow. */
  readonly completions: readonly Completion[];
  /** The run had not begun, so that there was nothing to undo. */
  readonly hasEnded: boolean;
  readonly parent?: EndedWait;
}

/**
 * Cancels a run: ends everything that it waits for or executes with `run_cancelled`, except for children, which are asked
 * to cancel themselves and then end the call with what became of them. A run that has not begun is ended at once.
 */
export function cancelRun(runtime: Runtime, sql: Sql, id: number, reason: string): Cancelled[] {
  const row = runById(sql, id)!;
  if (hasEnded(row.status)) return [];
  const error = keepError(runCancelled(reason), 'run_cancelled');
  const base = { id, flow: row.flow, priority: row.priority, reason, completions: [] };
  const operations = operationsOf(sql, id);
  if (operations.length === 0 && runtime.residents.get(id) === undefined) {
    const parent = runtime.ends.abandonRun(sql, id, error);
    return [{ ...base, hasEnded: true, ...(parent && { parent }) }];
  }
  const children = sql.all<{ id: number }>('SELECT id FROM runs WHERE parent = ? AND ended_at IS NULL', id);
  const completions = endOpenOperations(runtime, sql, id, error);
  const requested = completions.length === 0 && children.length === 0;
  if (requested) {
    putCancelReason(sql, id, reason);
    // Now, not once it is durable: what the flow calls until then would be done, however long it takes.
    runtime.residents.get(id)?.requestCancel(reason);
  }
  return [
    { ...base, completions, hasEnded: false },
    ...children.flatMap((child) => cancelRun(runtime, sql, child.id, reason)),
  ];
}

function endOpenOperations(runtime: Runtime, sql: Sql, id: number, error: KeptError): Completion[] {
  const execution = runtime.residents.get(id);
  const recorded = operationsOf(sql, id);
  const rows = new Map(recorded.map((row) => [row.position, row]));
  const isOpen = ({ position, kind }: { readonly position: number; readonly kind: OperationKind }) => {
    const row = rows.get(position);
    // A child that is there ends the call itself; one that is yet to be written never comes to be.
    return row === undefined || (row.ended_at === null && kind !== 'call');
  };
  const inMemory = (execution?.openCalls() ?? []).map(({ position, kind, name, attempts, startedAt }) => ({
    ...{ position, kind, name, attempts, startedAt },
    target: null,
  }));
  const open =
    execution === undefined ? recorded.map((row) => ({ ...row, startedAt: row.started_at })) : inMemory;
  const endedAt = runtime.clock();
  return open.filter(isOpen).map(({ position, kind, name, attempts, target, startedAt }) => {
    const sequence = execution?.takeSequence() ?? nextSequence(sql, id);
    const operation = { run: id, position, kind, name, attempts, target, startedAt };
    putEnded(sql, { ...operation, sequence, endedAt, result: null, error: JSON.stringify(error) });
    execution?.writes.operationEnded(position);
    setStatus(sql, id, 'waiting', 'queued');
    return { position, sequence, endedAt, error };
  });
}
