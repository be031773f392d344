import { setTimeout as delay } from 'node:timers/promises';
import { SignalboxError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { Operation, Run, RunError, RunFilter, RunPage, RunStatus } from '../engine.ts';
import { hasEnded } from '../engine.ts';
import type { FlowRegistry } from '../flow-registry.ts';
import type { UnfinishedRuns } from '../flow-versions.ts';
import { type KeptError, runErrorOf } from '../kept-error.ts';
import { unknownRun } from '../refusals.ts';
import { largestPage, pageLimit, runIdCursor } from '../run-page.ts';
import { type Admin, text } from './admin.ts';
import { changedRunError } from './changed-run.ts';
import { endsOf, type JournalRow, journalOf, operationsOf } from './journal.ts';
import { promises, type RunRequest, type RunResult, runService } from './messages.ts';
import {
  findInvocations,
  hasChanged,
  type InvocationFilter,
  type InvocationRow,
  isUnknown,
  isUnreadable,
  notBegun,
  statusOf,
  unknownFlowError,
  unreadableRunError,
} from './runs.ts';

const rememberedRuns = 10_000;
/** The rest goes on when its time has come, some seconds later. */
const wokenRuns = 2_000;
/** Run ids in one query. */
const askedAtOnce = 200;

interface Details {
  readonly request?: RunRequest;
  readonly result?: RunResult;
  readonly error?: KeptError;
}

/** Reads runs from Restate's introspection. */
export class RunReader {
  readonly #admin: Admin;
  readonly #namespace: string;
  readonly #flows: FlowRegistry;
  /** Invocations of runs: Restate finds an invocation at once, and a run only by looking at all. */
  readonly #invocations = new Map<string, string>();

  constructor(admin: Admin, namespace: string, flows: FlowRegistry) {
    this.#admin = admin;
    this.#namespace = namespace;
    this.#flows = flows;
  }

  remember(runId: string, invocationId: string): void {
    if (this.#invocations.size >= rememberedRuns) {
      this.#invocations.delete(this.#invocations.keys().next().value!);
    }
    this.#invocations.set(runId, invocationId);
  }

  /** The run itself and what was asked of it: signals and the like. The run comes last, so that it is found again until all are gone. */
  async invocationsOf(runId: string): Promise<string[]> {
    if (!isUuid(runId)) return [];
    const rows = await this.#admin.query<{ id: string }>(
      `SELECT id FROM sys_invocation WHERE target_service_name = ${text(runService(this.#namespace))}
         AND target_service_key = ${text(runId)} ORDER BY CASE WHEN target_handler_name = 'run' THEN 1 ELSE 0 END`,
    );
    return rows.map(({ id }) => id);
  }

  remembers(runId: string): boolean {
    return this.#invocations.has(runId);
  }

  async find(runId: string): Promise<InvocationRow | undefined> {
    if (!isUuid(runId)) return undefined;
    const invocationId = this.#invocations.get(runId);
    const filter = invocationId === undefined ? { runId } : { invocationId };
    const [row] = await this.#find(filter);
    if (row !== undefined && invocationId === undefined) this.remember(runId, row.id);
    return row;
  }

  /** Throws `unknown_run`. */
  async require(runId: string): Promise<InvocationRow> {
    const row = await this.find(runId);
    if (row !== undefined) return row;
    throw unknownRun(runId);
  }

  /** What the row says; only for a run without code the request has to be read too. */
  statusOf(row: InvocationRow, request?: RunRequest): RunStatus {
    return statusOf(row, request !== undefined && this.#hasFlow(request));
  }

  async status(runId: string): Promise<RunStatus> {
    return (await this.toRun(await this.require(runId))).status;
  }

  async request({ id, run_id: runId }: InvocationRow): Promise<RunRequest> {
    const request = (await endsOf(this.#admin, [id])).get(id)?.request;
    if (request !== undefined) return request;
    throw new SignalboxError('unknown_run', `The journal of run ${runId} is not kept any more.`);
  }

  /** Whether the code of the run has said how it ended. */
  async endedByItself({ id }: InvocationRow): Promise<boolean> {
    const end = (await endsOf(this.#admin, [id])).get(id);
    return end?.result !== undefined || end?.error !== undefined;
  }

  journal({ id }: InvocationRow): Promise<JournalRow[]> {
    return journalOf(this.#admin, id);
  }

  async history(row: InvocationRow): Promise<Operation[]> {
    return operationsOf(await this.journal(row));
  }

  async get(runId: string): Promise<Run | undefined> {
    const row = await this.find(runId);
    return row && this.toRun(row);
  }

  /** The run once it has ended or is paused. */
  async whenSettled(runId: string): Promise<Run | undefined> {
    const known = this.#invocations.get(runId);
    // Both at once: who waits for a run that has ended waits for one answer.
    const [row, ends] = await Promise.all([this.require(runId), endsOf(this.#admin, known ? [known] : [])]);
    const status = this.statusOf(row);
    if (!hasEnded(status) && status !== 'paused') return undefined;
    const { result, request } = ends.get(row.id) ?? {};
    const [run] = await this.#toRuns([row], status === 'succeeded' && result && request ? ends : undefined);
    return run !== undefined && (hasEnded(run.status) || run.status === 'paused') ? run : undefined;
  }

  async toRun(row: InvocationRow): Promise<Run> {
    const [run] = await this.#toRuns([row]);
    if (run === undefined) throw new SignalboxError('unknown_run', `Run ${row.run_id} is not kept any more.`);
    return run;
  }

  async list(filter: RunFilter): Promise<RunPage> {
    const limit = pageLimit(filter);
    const status = filter.deadLetters ? 'failed' : filter.status;
    const found: Run[] = [];
    let before = filter.after === undefined ? undefined : runIdCursor(filter.after);
    for (;;) {
      const rows = await this.#find({
        limit: limit + 1,
        ...(before !== undefined && { before }),
        ...(status && { status }),
      });
      found.push(...(await this.#toRuns(rows)).filter((run) => fits(run, filter)));
      if (found.length > limit || rows.length <= limit) break;
      before = rows.at(-1)!.run_id;
    }
    const runs = found.slice(0, limit);
    return { runs, ...(found.length > limit && { next: runs.at(-1)!.runId }) };
  }

  /** Which of these have a run, or a signal that is kept for one. */
  async known(runIds: readonly string[]): Promise<Set<string>> {
    const known = new Set<string>();
    const service = text(runService(this.#namespace));
    for (let at = 0; at < runIds.length; at += askedAtOnce) {
      const ids = runIds
        .slice(at, at + askedAtOnce)
        .map(text)
        .join(', ');
      const rows = await this.#admin.query<{ id: string }>(
        `SELECT DISTINCT target_service_key AS id FROM sys_invocation
           WHERE target_service_name = ${service} AND target_service_key IN (${ids})
         UNION SELECT DISTINCT service_key AS id FROM sys_promise
           WHERE service_name = ${service} AND service_key IN (${ids})`,
      );
      for (const { id } of rows) known.add(id);
    }
    return known;
  }

  /** Runs that have not ended. */
  async unfinished(): Promise<UnfinishedRuns[]> {
    const found: UnfinishedRuns[] = [];
    for (const status of ['queued', 'running', 'waiting', 'paused'] as const) {
      let after: string | undefined;
      do {
        const page = await this.list({ status, limit: largestPage, ...(after !== undefined && { after }) });
        for (const { flow, version, createdAt, error } of page.runs) {
          const runs = { flow, version, status, count: 1, oldestStartedAt: createdAt };
          found.push({ ...runs, ...(error && { code: error.code }) });
        }
        after = page.next;
      } while (after !== undefined);
    }
    return found;
  }

  /** A run and the runs that it waits for, to any depth, that have not ended. */
  async family(row: InvocationRow): Promise<InvocationRow[]> {
    const operations = await this.history(row);
    const family = [row];
    for (const { kind, endedAt, childRunId } of operations) {
      if (kind !== 'call' || endedAt !== undefined || childRunId === undefined) continue;
      const child = await this.find(childRunId);
      if (child !== undefined) family.push(...(await this.family(child)));
    }
    return family;
  }

  async untilEnded(runId: string): Promise<void> {
    await this.#until(runId, (row) => hasEnded(this.statusOf(row)));
  }

  /** Lets a paused run try again, and returns when it does. */
  async resume(row: InvocationRow): Promise<void> {
    await this.#admin.resume(row.id);
    await this.#until(row.run_id, (now) => !hasChanged(now) || now.last_start_at !== row.last_start_at);
  }

  /** Lets runs try again at once that failed while no process was there, or none with the right code. */
  async wakeWaiting(): Promise<void> {
    const waiting = await this.#find({ waitsForRetry: true, limit: wokenRuns });
    const wake = async (row: InvocationRow) => {
      if (isUnknown(row) && !this.#hasFlow(await this.request(row))) return;
      await this.#admin.resume(row.id);
    };
    for (let at = 0; at < waiting.length; at += 16) await Promise.all(waiting.slice(at, at + 16).map(wake));
  }

  #hasFlow({ flow, version }: RunRequest): boolean {
    return this.#flows.find(flow, version) !== undefined;
  }

  /** Until a request to cancel stands in the journal, where the next attempt finds it, or the run has ended. */
  async untilCancelRecorded({ id, run_id: runId }: InvocationRow): Promise<void> {
    await this.#until(runId, async (row) => {
      if (hasEnded(this.statusOf(row))) return true;
      const signals = `SELECT 1 FROM sys_journal WHERE id = ${text(id)} AND entry_type = 'Notification: Signal' LIMIT 1`;
      return (await this.#admin.query(signals)).length > 0;
    });
  }

  async #until(runId: string, condition: (row: InvocationRow) => boolean | Promise<boolean>): Promise<void> {
    const until = Date.now() + 5_000;
    while (Date.now() < until && !(await condition(await this.require(runId)))) await delay(10);
  }

  #find(filter: InvocationFilter): Promise<InvocationRow[]> {
    return findInvocations(this.#admin, this.#namespace, filter);
  }

  async #toRuns(rows: readonly InvocationRow[], known?: Map<string, Details>): Promise<Run[]> {
    if (rows.length === 0) return [];
    const ids = rows.map(({ id }) => id);
    const [ends, unbegun, notes] = await Promise.all([
      known ?? endsOf(this.#admin, ids),
      this.#notBegun(rows.filter((row) => row.status === 'suspended')),
      this.#notes(rows.filter((row) => row.completion_result === 'failure')),
    ]);
    const runs = rows.map((row) => {
      const about = { notes: notes.get(row.run_id) ?? {}, isQueued: unbegun.has(row.run_id) };
      return this.#toRun(row, ends.get(row.id) ?? {}, about);
    });
    return (await Promise.all(runs)).filter((run) => run !== undefined);
  }

  /** Undefined when the journal is gone already. */
  async #toRun(
    row: InvocationRow,
    { request, result, error }: Details,
    { notes, isQueued }: { readonly notes: Readonly<Record<string, string>>; readonly isQueued: boolean },
  ): Promise<Run | undefined> {
    if (request === undefined) return undefined;
    const status = isQueued ? 'queued' : this.statusOf(row, request);
    const { flow, version, input, createdAt, startAt, restartOf } = request;
    const shown = hasEnded(status) ? endError(status, error, notes) : await this.#pauseError(row, status);
    const restartedAs = notes[promises.restartedAs];
    return {
      ...{ runId: row.run_id, flow, version, status, input, createdAt },
      ...(status === 'succeeded' && { output: result?.output }),
      ...(shown && { error: shown }),
      ...(startAt !== undefined && { startAt }),
      ...(row.completed_at !== undefined && { endedAt: Date.parse(row.completed_at) }),
      ...(restartOf !== undefined && { restartOf }),
      ...(restartedAs !== undefined && { restartedAs }),
    };
  }

  /** Those that wait for their time, or for a place of their concurrency key. */
  async #notBegun(rows: readonly InvocationRow[]): Promise<Set<string>> {
    if (rows.length === 0) return new Set();
    const found = await this.#admin.query<{ service_key: string }>(
      `${notBegun(this.#namespace)} AND service_key IN (${rows.map((row) => text(row.run_id)).join(', ')})`,
    );
    return new Set(found.map((row) => row.service_key));
  }

  async #pauseError(row: InvocationRow, status: RunStatus): Promise<RunError | undefined> {
    if (status !== 'paused') return undefined;
    if (hasChanged(row)) return changedRunError(row, await journalOf(this.#admin, row.id));
    if (isUnknown(row)) return unknownFlowError(row);
    if (isUnreadable(row)) return unreadableRunError(row);
    return { code: 'run_failed', message: row.last_failure ?? 'The run was paused in Restate.' };
  }

  /** What was noted beside runs that failed: why they were ended, and as which run they were started anew. */
  async #notes(rows: readonly InvocationRow[]): Promise<Map<string, Record<string, string>>> {
    const notes = new Map<string, Record<string, string>>();
    if (rows.length === 0) return notes;
    const keys = [promises.cancelReason, promises.terminateReason, promises.restartedAs];
    const found = await this.#admin.query<{ service_key: string; key: string; value: string }>(
      `SELECT service_key, key, completion_success_value_utf8 AS value FROM sys_promise
       WHERE service_name = ${text(runService(this.#namespace))} AND completed = true
       AND service_key IN (${rows.map((row) => text(row.run_id)).join(', ')}) AND key IN (${keys.map(text).join(', ')})`,
    );
    for (const { service_key: runId, key, value } of found) {
      notes.set(runId, { ...notes.get(runId), [key]: JSON.parse(value) as string });
    }
    return notes;
  }
}

/** A run that was ended from outside has no error of its own. */
function endError(
  status: RunStatus,
  error: KeptError | undefined,
  notes: Readonly<Record<string, string>>,
): RunError | undefined {
  if (status === 'succeeded') return undefined;
  if (error !== undefined) return runErrorOf(error);
  const terminated = notes[promises.terminateReason];
  const reason = terminated ?? notes[promises.cancelReason] ?? 'in Restate';
  const message = `The run was ${terminated === undefined ? 'cancelled' : 'terminated'}: ${reason}`;
  return { code: 'run_cancelled', message };
}

function fits(run: Run, { flow, deadLetters, status }: RunFilter): boolean {
  if (flow !== undefined && run.flow !== flow) return false;
  if (status !== undefined && run.status !== status) return false;
  return !deadLetters || run.restartedAs === undefined;
}
