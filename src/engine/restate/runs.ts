import type { RunError, RunStatus } from '../engine.ts';
import { type Admin, text } from './admin.ts';
import { cancelledPrefix } from './failure.ts';
import { delayState, placeState, runService } from './messages.ts';

/** A row of `sys_invocation`. */
export interface InvocationRow {
  readonly id: string;
  readonly run_id: string;
  readonly status: string;
  readonly completion_result?: string;
  readonly completion_failure?: string;
  readonly completed_at?: string;
  readonly last_failure?: string;
  readonly last_failure_error_code?: string;
  readonly last_failure_related_command_index?: number;
  readonly last_failure_related_command_type?: string;
  readonly last_failure_related_command_name?: string;
  readonly last_start_at?: string;
}

const columns = [
  'id',
  'target_service_key AS run_id',
  'status',
  'completion_result',
  'completion_failure',
  'completed_at',
  'last_failure',
  'last_failure_error_code',
  'last_failure_related_command_index',
  'last_failure_related_command_type',
  'last_failure_related_command_name',
  'last_start_at',
].join(', ');

/** The error of Restate for a replay that takes another way than the journal. */
const journalMismatch = 'RT0016';

export interface InvocationFilter {
  readonly runId?: string;
  readonly invocationId?: string;
  readonly status?: RunStatus;
  /** Runs whose last attempt failed, and that are tried again later. */
  readonly waitsForRetry?: boolean;
  /** Runs with a smaller id. */
  readonly before?: string;
  readonly limit?: number;
}

/** The runs of an installation as Restate sees them, newest first. */
export function findInvocations(
  admin: Admin,
  namespace: string,
  filter: InvocationFilter,
): Promise<InvocationRow[]> {
  const conditions = [
    `target_service_name = ${text(runService(namespace))}`,
    `target_handler_name = 'run'`,
    filter.runId !== undefined && `target_service_key = ${text(filter.runId)}`,
    filter.invocationId !== undefined && `id = ${text(filter.invocationId)}`,
    filter.before !== undefined && `target_service_key < ${text(filter.before)}`,
    filter.waitsForRetry === true && `status = 'backing-off'`,
    filter.status !== undefined && conditionOf(filter.status, namespace),
  ].filter((condition) => condition !== false);
  return admin.query(
    `SELECT ${columns} FROM sys_invocation WHERE ${conditions.join(' AND ')}
     ORDER BY target_service_key DESC LIMIT ${filter.limit ?? 1}`,
  );
}

function conditionOf(status: RunStatus, namespace: string): string {
  const condition = statusConditions[status];
  if (status !== 'queued') return condition;
  return `(${condition} OR (${statusConditions.waiting} AND target_service_key IN (${notBegun(namespace)})))`;
}

/** The ids of runs that have been taken up and wait before their code begins. */
export function notBegun(namespace: string): string {
  const states = [delayState, placeState].map(text).join(', ');
  return `SELECT service_key FROM state WHERE service_name = ${text(runService(namespace))} AND key IN (${states})`;
}

const isPaused = `(status = 'paused' OR (status = 'backing-off' AND
  (last_failure_error_code = '${journalMismatch}' OR last_failure LIKE '%unknown_flow: %'
    OR last_failure LIKE '%run_unreadable: %')))`;

const statusConditions: Readonly<Record<RunStatus, string>> = {
  queued: `status IN ('pending', 'scheduled', 'ready')`,
  running: `status IN ('running', 'backing-off') AND NOT ${isPaused}`,
  waiting: `status = 'suspended'`,
  paused: isPaused,
  succeeded: `completion_result = 'success'`,
  failed: `completion_result = 'failure' AND completion_failure NOT LIKE '${cancelledPrefix}%'`,
  cancelled: `completion_result = 'failure' AND completion_failure LIKE '${cancelledPrefix}%'`,
};

const statuses: Readonly<Record<string, RunStatus>> = {
  pending: 'queued',
  scheduled: 'queued',
  ready: 'queued',
  running: 'running',
  'backing-off': 'running',
  suspended: 'waiting',
  paused: 'paused',
};

/** `hasFlow`: whether this process has the flow of the run, which is then about to go on. */
export function statusOf(row: InvocationRow, hasFlow: boolean): RunStatus {
  if (row.completion_result === 'success') return 'succeeded';
  if (row.completion_result === 'failure') {
    return row.completion_failure?.startsWith(cancelledPrefix) ? 'cancelled' : 'failed';
  }
  const waitsForHelp = hasChanged(row) || isUnreadable(row) || (isUnknown(row) && !hasFlow);
  return waitsForHelp ? 'paused' : (statuses[row.status] ?? 'running');
}

/** Whether its last attempt took another way than the journal. */
export function hasChanged(row: InvocationRow): boolean {
  return row.status === 'backing-off' && row.last_failure_error_code === journalMismatch;
}

/** Whether its last attempt found no code for it. */
export function isUnknown(row: InvocationRow): boolean {
  return row.status === 'backing-off' && unknownFlow.test(row.last_failure ?? '');
}

/** Whether its last attempt could not read a value. */
export function isUnreadable(row: InvocationRow): boolean {
  return row.status === 'backing-off' && unreadableRun.test(row.last_failure ?? '');
}

const unknownFlow = /unknown_flow: ([^\n]*)/;
const unreadableRun = /run_unreadable: ([^\n]*)/;

export function unreadableRunError(row: InvocationRow): RunError {
  return { code: 'run_unreadable', message: unreadableRun.exec(row.last_failure ?? '')?.[1] ?? 'unreadable' };
}

export function unknownFlowError(row: InvocationRow): RunError {
  return { code: 'unknown_flow', message: unknownFlow.exec(row.last_failure ?? '')?.[1] ?? 'no such flow' };
}
