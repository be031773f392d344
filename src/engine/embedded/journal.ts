import { openRow, sealValue } from '../../encryption/sealed-table.ts';
import type { Sql } from '../../sqlite/database.ts';
import type { OperationKind, RunStatus } from '../engine.ts';
import { operationContent, runContent } from './content.ts';

/**
 * The rows of the journal and the statements over them. What they mean is decided by their callers. Content is plain in these rows, and
 * sealed in the tables where there is a key.
 */

export interface RunRow {
  readonly id: number;
  readonly run_id: string;
  readonly flow: string;
  readonly version: number;
  readonly status: Exclude<RunStatus, 'running'>;
  readonly input: string;
  readonly output: string | null;
  readonly error: string | null;
  readonly cancel_reason: string | null;
  readonly parent: number | null;
  readonly parent_position: number | null;
  readonly restart_of: string | null;
  readonly restarted_as: string | null;
  readonly priority: number;
  readonly concurrency_key: string | null;
  /** Names, as a JSON array. */
  readonly patches: string | null;
  readonly start_at: number | null;
  readonly created_at: number;
  readonly ended_at: number | null;
}

export interface OperationRow {
  readonly run: number;
  readonly position: number;
  readonly kind: OperationKind;
  readonly name: string;
  readonly status: 'pending' | 'retrying' | 'succeeded' | 'failed';
  readonly sequence: number | null;
  readonly attempts: number;
  readonly target: string | null;
  readonly due_at: number | null;
  readonly result: string | null;
  readonly error: string | null;
  readonly started_at: number;
  readonly ended_at: number | null;
}

export interface NewRun {
  readonly id: number;
  readonly runId: string;
  readonly flow: string;
  readonly version: number;
  readonly input: string;
  readonly createdAt: number;
  readonly parent?: { readonly id: number; readonly position: number };
  readonly restartOf?: string;
  readonly priority: number;
  readonly key?: string;
  readonly startAt?: number;
}

export function insertRun(sql: Sql, run: NewRun): void {
  sql.run(
    `INSERT INTO runs (id, run_id, flow, version, status, input, parent, parent_position, restart_of, priority, concurrency_key, start_at, delayed, created_at)
     VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    run.id,
    run.runId,
    run.flow,
    run.version,
    sealValue(sql.content, runContent, 'input', run.input, run.id),
    run.parent?.id ?? null,
    run.parent?.position ?? null,
    run.restartOf ?? null,
    run.priority,
    run.key ?? null,
    run.startAt ?? null,
    run.startAt === undefined ? null : 1,
    run.createdAt,
  );
}

export function runById(sql: Sql, id: number): RunRow | undefined {
  const row = sql.get<RunRow>('SELECT * FROM runs WHERE id = ?', id);
  return row && openedRun(sql, row);
}

export function runByRunId(sql: Sql, runId: string): RunRow | undefined {
  const row = sql.get<RunRow>('SELECT * FROM runs WHERE run_id = ?', runId);
  return row && openedRun(sql, row);
}

/** A row as it was read, for callers with statements of their own. */
export const openedRun = <Row extends RunRow>(sql: Sql, row: Row): Row =>
  openRow(sql.content, runContent, row);

/** Ends a run unless it has ended; tells whether it did. */
export function endRun(
  sql: Sql,
  id: number,
  end: { status: RunStatus; output: string | null; error: string | null; at: number },
): boolean {
  const { changes } = sql.run(
    'UPDATE runs SET status = ?, output = ?, error = ?, cancel_reason = NULL, ended_at = ? WHERE id = ? AND ended_at IS NULL',
    end.status,
    sealValue(sql.content, runContent, 'output', end.output, id),
    sealValue(sql.content, runContent, 'error', end.error, id),
    end.at,
    id,
  );
  return changes === 1;
}

export function setStatus(sql: Sql, id: number, from: RunStatus, to: RunStatus): boolean {
  return sql.run('UPDATE runs SET status = ? WHERE id = ? AND status = ?', to, id, from).changes === 1;
}

export function operationsOf(sql: Sql, run: number): OperationRow[] {
  const rows = sql.all<OperationRow>('SELECT * FROM operations WHERE run = ? ORDER BY position', run);
  return rows.map((row) => openedOperation(sql, row));
}

const openedOperation = <Row extends OperationRow>(sql: Sql, row: Row): Row =>
  openRow(sql.content, operationContent, row);

export function nextSequence(sql: Sql, run: number): number {
  return sql.get<{ next: number }>(
    'SELECT coalesce(max(sequence), -1) + 1 AS next FROM operations WHERE run = ?',
    run,
  )!.next;
}

export interface EndedOperation {
  readonly run: number;
  readonly position: number;
  readonly kind: OperationKind;
  readonly name: string;
  readonly sequence: number;
  readonly attempts: number;
  readonly target: string | null;
  readonly result: string | null;
  readonly error: string | null;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Writes the end of an operation, whether or not it has a row already; false when it has ended before. */
export function putEnded(sql: Sql, operation: EndedOperation): boolean {
  const { changes } = sql.run(
    `INSERT INTO operations (run, position, kind, name, status, sequence, attempts, target, result, error, started_at, ended_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET status = excluded.status, sequence = excluded.sequence, attempts = excluded.attempts,
       result = excluded.result, error = excluded.error, ended_at = excluded.ended_at
     WHERE operations.ended_at IS NULL`,
    operation.run,
    operation.position,
    operation.kind,
    operation.name,
    operation.error === null ? 'succeeded' : 'failed',
    operation.sequence,
    operation.attempts,
    operation.target,
    sealValue(sql.content, operationContent, 'result', operation.result, operation.run, operation.position),
    sealValue(sql.content, operationContent, 'error', operation.error, operation.run, operation.position),
    operation.startedAt,
    operation.endedAt,
  );
  return changes === 1;
}

/** Ends an operation that waits; false when something else ended it first. */
export function endWaiting(
  sql: Sql,
  at: { run: number; position: number },
  end: { sequence: number; result: string | null; error: string | null; endedAt: number },
): boolean {
  const { changes } = sql.run(
    `UPDATE operations SET status = ?, sequence = ?, result = ?, error = ?, ended_at = ?
     WHERE run = ? AND position = ? AND ended_at IS NULL`,
    end.error === null ? 'succeeded' : 'failed',
    end.sequence,
    sealValue(sql.content, operationContent, 'result', end.result, at.run, at.position),
    sealValue(sql.content, operationContent, 'error', end.error, at.run, at.position),
    end.endedAt,
    at.run,
    at.position,
  );
  return changes === 1;
}

export interface WaitingOperation {
  readonly run: number;
  readonly position: number;
  readonly kind: OperationKind;
  readonly name: string;
  readonly target: string | null;
  readonly dueAt: number | null;
  readonly startedAt: number;
}

/** Writes an operation that waits. */
export function insertWaiting(sql: Sql, operation: WaitingOperation): undefined {
  sql.run(
    `INSERT INTO operations (run, position, kind, name, status, target, due_at, started_at)
     VALUES (?, ?, ?, ?, 'pending', ?, ?, ?)`,
    operation.run,
    operation.position,
    operation.kind,
    operation.name,
    operation.target,
    operation.dueAt,
    operation.startedAt,
  );
}

/** Keeps a failed attempt of a step with the time of the next one, unless the step has ended. */
export function putRetrying(
  sql: Sql,
  operation: {
    run: number;
    position: number;
    name: string;
    attempts: number;
    error: string;
    dueAt: number;
    startedAt: number;
  },
): void {
  sql.run(
    `INSERT INTO operations (run, position, kind, name, status, attempts, error, due_at, started_at)
     VALUES (?, ?, 'run', ?, 'retrying', ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET status = 'retrying', attempts = excluded.attempts, error = excluded.error, due_at = excluded.due_at
     WHERE operations.ended_at IS NULL`,
    operation.run,
    operation.position,
    operation.name,
    operation.attempts,
    sealValue(sql.content, operationContent, 'error', operation.error, operation.run, operation.position),
    operation.dueAt,
    operation.startedAt,
  );
}

export function putCancelReason(sql: Sql, id: number, reason: string): void {
  const text = sealValue(sql.content, runContent, 'cancel_reason', reason, id);
  sql.run('UPDATE runs SET cancel_reason = ? WHERE id = ?', text, id);
}

export function clearCancelReason(sql: Sql, id: number): void {
  sql.run('UPDATE runs SET cancel_reason = NULL WHERE id = ?', id);
}

export function pauseRun(sql: Sql, id: number, error: string): void {
  const text = sealValue(sql.content, runContent, 'error', error, id);
  sql.run(`UPDATE runs SET status = 'paused', error = ? WHERE id = ? AND ended_at IS NULL`, text, id);
}

/** Keeps the patches that the run has been told of. */
export function putPatches(sql: Sql, id: number, names: readonly string[]): void {
  sql.run('UPDATE runs SET patches = ? WHERE id = ?', JSON.stringify(names), id);
}

export type DueOperation = OperationRow & {
  readonly run_id: string;
  readonly flow: string;
  readonly priority: number;
};

/** Operations whose sleep, timeout or delay is over, the earliest first. */
export function dueOperations(sql: Sql, now: number, limit: number): DueOperation[] {
  const rows = sql.all<DueOperation>(
    `SELECT operations.*, runs.run_id, runs.flow, runs.priority FROM operations JOIN runs ON runs.id = operations.run
     WHERE operations.due_at <= ? AND operations.due_at IS NOT NULL AND operations.ended_at IS NULL
     ORDER BY operations.due_at LIMIT ?`,
    now,
    limit,
  );
  return rows.map((row) => openedOperation(sql, row));
}

/** When the next operation is due or the next delayed run begins. */
export function earliestDue(sql: Sql): number | null {
  return sql.get<{ due: number | null }>(
    `SELECT min(due) AS due FROM (
       SELECT min(due_at) AS due FROM operations WHERE due_at IS NOT NULL AND ended_at IS NULL
       UNION ALL SELECT min(start_at) FROM runs WHERE delayed = 1 AND ended_at IS NULL)`,
  )!.due;
}

/** Lets the delayed runs begin whose time has come, the earliest first; returns them as they were. */
export function releaseDelayed(sql: Sql, now: number, limit: number): RunRow[] {
  const due = sql.all<RunRow>(
    `SELECT * FROM runs WHERE start_at <= ? AND delayed = 1 AND ended_at IS NULL ORDER BY start_at, id LIMIT ?`,
    now,
    limit,
  );
  for (const { id } of due) sql.run('UPDATE runs SET delayed = NULL WHERE id = ?', id);
  return due.map((row) => openedRun(sql, row));
}

/** Lets the next attempt of a step begin. */
export function releaseRetry(sql: Sql, at: { run: number; position: number }): void {
  sql.run('UPDATE operations SET due_at = NULL WHERE run = ? AND position = ?', at.run, at.position);
}
