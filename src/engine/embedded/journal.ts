import type { Sql } from '../../sqlite/database.ts';
import type { OperationKind, RunStatus } from '../engine.ts';

/** The rows of the journal and the statements over them. What they mean is decided by their callers. */

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
    run.input,
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
  return sql.get<RunRow>('SELECT * FROM runs WHERE id = ?', id);
}

export function runByRunId(sql: Sql, runId: string): RunRow | undefined {
  return sql.get<RunRow>('SELECT * FROM runs WHERE run_id = ?', runId);
}

/** Ends a run unless it has ended; tells whether it did. */
export function endRun(
  sql: Sql,
  id: number,
  end: { status: RunStatus; output: string | null; error: string | null; at: number },
): boolean {
  const { changes } = sql.run(
    'UPDATE runs SET status = ?, output = ?, error = ?, cancel_reason = NULL, ended_at = ? WHERE id = ? AND ended_at IS NULL',
    end.status,
    end.output,
    end.error,
    end.at,
    id,
  );
  return changes === 1;
}

export function setStatus(sql: Sql, id: number, from: RunStatus, to: RunStatus): boolean {
  return sql.run('UPDATE runs SET status = ? WHERE id = ? AND status = ?', to, id, from).changes === 1;
}

export function operationsOf(sql: Sql, run: number): OperationRow[] {
  return sql.all<OperationRow>('SELECT * FROM operations WHERE run = ? ORDER BY position', run);
}

export function operationAt(sql: Sql, run: number, position: number): OperationRow | undefined {
  return sql.get<OperationRow>('SELECT * FROM operations WHERE run = ? AND position = ?', run, position);
}

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
    operation.result,
    operation.error,
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
    end.result,
    end.error,
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
    operation.error,
    operation.dueAt,
    operation.startedAt,
  );
}

export function clearCancelReason(sql: Sql, id: number): void {
  sql.run('UPDATE runs SET cancel_reason = NULL WHERE id = ?', id);
}

export function pauseRun(sql: Sql, id: number, error: string): void {
  sql.run(`UPDATE runs SET status = 'paused', error = ? WHERE id = ? AND ended_at IS NULL`, error, id);
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
  return sql.all<DueOperation>(
    `SELECT operations.*, runs.run_id, runs.flow, runs.priority FROM operations JOIN runs ON runs.id = operations.run
     WHERE operations.due_at <= ? AND operations.due_at IS NOT NULL AND operations.ended_at IS NULL
     ORDER BY operations.due_at LIMIT ?`,
    now,
    limit,
  );
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
  return due;
}

/** Lets the next attempt of a step begin. */
export function releaseRetry(sql: Sql, at: { run: number; position: number }): void {
  sql.run('UPDATE operations SET due_at = NULL WHERE run = ? AND position = ?', at.run, at.position);
}

const purgedAtOnce = 500;

/** Deletes some of the idempotency keys that have expired; returns how many. */
export function purgeExpiredKeys(sql: Sql, now: number): number {
  const { changes } = sql.run(
    `DELETE FROM idempotency_keys WHERE key IN
       (SELECT key FROM idempotency_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ${purgedAtOnce})`,
    now,
  );
  return changes;
}
