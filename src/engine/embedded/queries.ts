import type { ErrorCode } from '../../core/errors.ts';
import type { Sql } from '../../sqlite/database.ts';
import {
  type DeadLetterCount,
  hasEnded,
  type Operation,
  type Run,
  type RunError,
  type RunFilter,
  type RunPage,
  type RunStatus,
} from '../engine.ts';
import type { UnfinishedRuns } from '../flow-versions.ts';
import { pageLimit, unknownCursor } from '../run-page.ts';
import { type OperationRow, openedRun, type RunRow } from './journal.ts';
import type { Residents } from './residents.ts';

/** A page of runs, newest first; the cursor is the number of the last run of the page. */
export function listRuns(
  sql: Sql,
  filter: RunFilter,
  residents: Residents,
  statusOf: (row: RunRow) => RunStatus,
): RunPage {
  const limit = pageLimit(filter);
  const conditions: string[] = ['id < ?'];
  const values: (string | number)[] = [cursorValue(filter.after)];
  if (filter.deadLetters) conditions.push(`status = 'failed' AND restarted_as IS NULL`);
  if (filter.flow !== undefined) {
    conditions.push('flow = ?');
    values.push(filter.flow);
  }
  if (filter.status !== undefined) {
    // Few have not ended, among however many that have: they have an index of their own.
    conditions.push(hasEnded(filter.status) ? 'status = ?' : 'status = ? AND ended_at IS NULL');
    values.push(filter.status === 'running' ? 'queued' : filter.status);
    if (filter.status === 'running' || filter.status === 'queued') {
      // The journal has one word for both.
      conditions.push(`id ${filter.status === 'running' ? 'IN' : 'NOT IN'} (SELECT value FROM json_each(?))`);
      values.push(JSON.stringify(residents.activeIds()));
    }
  }
  const rows = sql.all<RunRow>(
    `SELECT * FROM runs ${filter.deadLetters ? 'INDEXED BY runs_dead_letters' : ''} WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT ?`,
    ...values,
    limit + 1,
  );
  const page = rows.slice(0, limit).map((row) => openedRun(sql, row));
  const runs = page.map((row) => toRun(row, statusOf(row)));
  return { runs, ...(rows.length > limit && { next: String(page.at(-1)!.id) }) };
}

/** The newest of them, by flow; they are counted in an index alone. */
export function countDeadLetters(sql: Sql): DeadLetterCount[] {
  return sql
    .all<DeadLetterCount>(
      `SELECT flow, count(*) AS count FROM (
         SELECT flow FROM runs INDEXED BY runs_dead_letters WHERE status = 'failed' AND restarted_as IS NULL
         ORDER BY id DESC LIMIT 10000
       ) GROUP BY flow`,
    )
    .map((row) => ({ ...row }));
}

/** Reads all runs that have not ended. */
export const unfinishedText = `
  SELECT flow, version, status, error ->> '$.code' AS code, count(*) AS count, min(created_at) AS oldestStartedAt
  FROM runs WHERE ended_at IS NULL AND status IN ('queued', 'waiting', 'paused') GROUP BY 1, 2, 3, 4`;

/** Runs that have not ended, by what they have in common; of the queued ones those that execute now are `running`. */
export function unfinishedRuns(groups: readonly UnfinishedRow[], residents: Residents): UnfinishedRuns[] {
  return groups.flatMap(({ code, ...group }) => {
    const runs = { ...group, ...(group.status === 'paused' && code !== null && { code }) };
    if (group.status !== 'queued') return [runs];
    const running = Math.min(residents.activeCount(group.flow, group.version), group.count);
    return [
      { ...runs, count: group.count - running },
      { ...runs, status: 'running' as const, count: running },
    ].filter(({ count }) => count > 0);
  });
}

export type UnfinishedRow = Omit<UnfinishedRuns, 'code'> & { readonly code: ErrorCode | null };

function cursorValue(after: string | undefined): number {
  if (after === undefined) return Number.MAX_SAFE_INTEGER;
  const value = Number(after);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw unknownCursor(after);
}

export function toRun(row: RunRow, status: RunStatus): Run {
  return {
    runId: row.run_id,
    flow: row.flow,
    version: row.version,
    status,
    input: JSON.parse(row.input),
    createdAt: row.created_at,
    ...(row.output !== null && { output: JSON.parse(row.output) }),
    ...(row.error !== null && { error: JSON.parse(row.error) as RunError }),
    ...(row.start_at !== null && { startAt: row.start_at }),
    ...(row.ended_at !== null && { endedAt: row.ended_at }),
    ...(row.restart_of !== null && { restartOf: row.restart_of }),
    ...(row.restarted_as !== null && { restartedAs: row.restarted_as }),
  };
}

export function toOperation(row: OperationRow): Operation {
  const isChild = row.kind === 'call' || row.kind === 'start';
  return {
    position: row.position,
    kind: row.kind,
    name: row.name,
    status: row.status,
    attempts: row.attempts,
    startedAt: row.started_at,
    ...(row.ended_at !== null && { endedAt: row.ended_at }),
    ...(row.due_at !== null && row.ended_at === null && { dueAt: row.due_at }),
    ...(row.result !== null && { result: JSON.parse(row.result) }),
    ...(row.error !== null && { error: JSON.parse(row.error) as RunError }),
    ...(isChild && row.target !== null && { childRunId: row.target }),
  };
}
