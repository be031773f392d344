import { messageOf, SignalboxError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import type { Sql } from '../../sqlite/database.ts';
import type {
  DeadLetterCount,
  Engine,
  EngineStats,
  FlowVersion,
  Operation,
  Run,
  RunFilter,
  RunPage,
  RunStatus,
  SignalOptions,
  SignalOutcome,
  StartedRun,
  StartOptions,
} from '../engine.ts';
import { hasEnded } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { tallyVersions } from '../flow-versions.ts';
import { keepError } from '../kept-error.ts';
import { checkRestartable, runTerminated, serverStopping, unknownRun } from '../refusals.ts';
import { factsOfRun } from '../stamped-facts.ts';
import { checkSignal, checkStartOptions } from '../start-options.ts';
import { referenceOf, wholeRun } from '../values.ts';
import { type Cancelled, cancelRun } from './cancel.ts';
import type { PreparedRun, RunOrigin } from './execution-host.ts';
import { createForgetRuns } from './forget.ts';
import { holderOf, putKey } from './idempotency-keys.ts';
import { operationsOf, type RunRow, runByRunId } from './journal.ts';
import {
  countDeadLetters,
  listRuns,
  toOperation,
  toRun,
  type UnfinishedRow,
  unfinishedRuns,
  unfinishedText,
} from './queries.ts';
import type { QueuedRun } from './run-queue.ts';
import { type EmbeddedOptions, Runtime } from './runtime.ts';
import { sendSignal } from './send-signal.ts';
import { noteCleanStop } from './suspects.ts';

/**
 * The engine for one process: its journal is a SQLite database of that process alone. All writes of one turn of the event
 * loop are one transaction, synced to disk before anything that depends on them goes on.
 */
export class EmbeddedEngine implements Engine {
  readonly #runtime: Runtime;
  /** Runs that are being written, which will be queued or take a place that is free. */
  #starting = 0;

  constructor(options: EmbeddedOptions) {
    this.#runtime = new Runtime(options);
  }

  /** Takes up the runs that an earlier process left. To be called once. */
  recover(): void {
    this.#runtime.recover();
  }

  async start<I, O>(flow: Flow<I, O>, input: I, options: StartOptions = {}): Promise<StartedRun> {
    this.#checkAccepting(flow.name);
    this.#starting += 1;
    try {
      return await this.#start(flow, input, options);
    } finally {
      this.#starting -= 1;
    }
  }

  async #start<I, O>(flow: Flow<I, O>, input: I, options: StartOptions): Promise<StartedRun> {
    const { idempotency, facts = [] } = options;
    const run = this.#runtime.newRun(flow, input, originOf(options));
    await run.store?.();
    const existing = await this.#runtime.write((sql): RunRow | undefined => {
      if (idempotency !== undefined) {
        const holder = holderOf(sql, idempotency, this.#runtime.clock());
        if (holder !== undefined) return holder;
        putKey(sql, idempotency, run.id);
      }
      insertUnlessTaken(sql, run);
      if (facts.length > 0)
        this.#runtime.writeFacts(sql, factsOfRun(run.runId, 'start', facts, this.#runtime.clock()));
      return undefined;
    });
    if (existing !== undefined) {
      const kept = await this.#runtime.values.resolve(JSON.parse(existing.input));
      return { runId: existing.run_id, created: false, input: kept };
    }
    run.enqueue();
    return { runId: run.runId, created: true, input };
  }

  async signal(
    runId: string,
    name: string,
    payload: Json,
    options: SignalOptions = {},
  ): Promise<SignalOutcome> {
    checkSignal(name, options);
    const kept = this.#runtime.values.keep(runId, payload, `payload of signal "${name}"`);
    await kept.store?.();
    const signal = { runId, name, payload: kept.text ?? 'null' };
    const { outcome, ended, openFrom } = await this.#runtime.write((sql) =>
      sendSignal(this.#runtime, sql, signal, options),
    );
    if (openFrom !== undefined) this.#runtime.openWaits.moved(runId, name, openFrom);
    if (ended !== undefined) this.#runtime.deliver(ended);
    return outcome;
  }

  async cancel(runId: string, reason = 'no reason given'): Promise<RunStatus> {
    const cancelled = await this.#runtime.writeFromOutside((sql) =>
      cancelRun(this.#runtime, sql, this.#row(runId).id, reason),
    );
    this.#afterCancel(cancelled);
    return this.#status(this.#row(runId));
  }

  #afterCancel(cancelled: readonly Cancelled[]): void {
    for (const run of cancelled) {
      const execution = this.#runtime.residents.get(run.id);
      if (run.hasEnded) {
        this.#runtime.abandon(run.id, new SignalboxError('run_cancelled', 'The run was cancelled.'));
        this.#runtime.reportEnd(run.id, run.parent);
      } else if (execution === undefined) {
        if (run.completions.length > 0) this.#runtime.queue.add(run);
      } else execution.cancelCalls(run.completions);
    }
  }

  async terminate(runId: string, reason = 'no reason given'): Promise<RunStatus> {
    const error = keepError(runTerminated(reason), 'run_cancelled');
    const ended = await this.#runtime.writeFromOutside((sql) =>
      withDescendants(sql, this.#row(runId).id).map((id) => ({
        id,
        parent: this.#runtime.ends.abandonRun(sql, id, error),
      })),
    );
    for (const { id, parent } of ended) {
      this.#runtime.abandon(id, new SignalboxError('run_cancelled', error.message));
      this.#runtime.reportEnd(id, parent);
    }
    return this.#status(this.#row(runId));
  }

  async resume(runId: string): Promise<RunStatus> {
    const row = this.#row(runId);
    this.#runtime.flows.require(row.flow, row.version);
    const { changes } = await this.#runtime.write((sql) =>
      sql.run(`UPDATE runs SET status = 'queued', error = NULL WHERE id = ? AND status = 'paused'`, row.id),
    );
    if (changes === 1) this.#runtime.queue.add(queuedRun(row));
    return this.#status(this.#row(runId));
  }

  async restart(runId: string): Promise<StartedRun> {
    const row = this.#row(runId);
    this.#checkAccepting(row.flow);
    checkRestartable(runId, this.#status(row));
    const input = await this.#runtime.values.resolve(JSON.parse(row.input));
    const flow = this.#runtime.flows.require(row.flow, row.version);
    const run = this.#runtime.newRun(flow, input, { restartOf: runId, priority: row.priority });
    await run.store?.();
    const earlier = await this.#runtime.write((sql): string | undefined => {
      const before = runByRunId(sql, runId)!.restarted_as;
      if (before !== null) return before;
      run.insert(sql);
      sql.run('UPDATE runs SET restarted_as = ? WHERE id = ?', run.runId, row.id);
      return undefined;
    });
    if (earlier === undefined) run.enqueue();
    return { runId: earlier ?? run.runId, created: earlier === undefined, input };
  }

  async get(runId: string): Promise<Run | undefined> {
    const run = await this.#runtime.database.read((sql) => {
      const row = runByRunId(sql, runId);
      return row && toRun(row, this.#status(row));
    });
    return run && this.#whole(run);
  }

  /** With the values that are kept outside the journal. */
  #whole(run: Run): Run | Promise<Run> {
    const { input, output } = run;
    if (referenceOf(input) === undefined && referenceOf(output) === undefined) return run;
    return wholeRun(this.#runtime.values, run);
  }

  deadLetters(): Promise<readonly DeadLetterCount[]> {
    return this.#runtime.database.read(countDeadLetters);
  }

  list(filter: RunFilter = {}): Promise<RunPage> {
    return this.#runtime.database.read((sql) =>
      listRuns(sql, filter, this.#runtime.residents, (row) => this.#status(row)),
    );
  }

  history(runId: string): Promise<readonly Operation[]> {
    return this.#runtime.database.read(() => this.#operations(runId));
  }

  #operations(runId: string): Operation[] {
    const row = this.#row(runId);
    const recorded = operationsOf(this.#runtime.database, row.id).map(toOperation);
    const positions = new Set(recorded.map((operation) => operation.position));
    const underWay = (this.#runtime.residents.get(row.id)?.openCalls() ?? [])
      .filter((call) => !positions.has(call.position))
      .map(({ position, kind, name, attempts, startedAt }) => ({
        ...{ position, kind, name, attempts, startedAt },
        status: 'pending' as const,
      }));
    return [...recorded, ...underWay].sort((a, b) => a.position - b.position);
  }

  async wait(runId: string, options: { readonly signal?: AbortSignal } = {}): Promise<Run> {
    return this.#whole(await this.#runtime.database.read(() => this.#ending(runId, options.signal)));
  }

  #ending(runId: string, signal?: AbortSignal): Promise<Run> {
    const { promise, resolve, reject } = Promise.withResolvers<Run>();
    signal?.throwIfAborted();
    const { id } = this.#row(runId);
    const tell = () => {
      const row = this.#row(runId);
      if (!hasEnded(row.status) && row.status !== 'paused') return false;
      resolve(toRun(row, row.status));
      return true;
    };
    if (tell()) return promise;
    const forget = this.#runtime.endings.on(id, tell);
    signal?.addEventListener('abort', () => {
      forget();
      reject(signal.reason);
    });
    return promise;
  }

  /** Which of these have a run or a signal. See `ValueSweep`. */
  knownRuns(runIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#runtime.database.read((sql) => {
      const rows = sql.all<{ id: string }>(
        `SELECT value AS id FROM json_each(?) WHERE EXISTS (SELECT 1 FROM runs WHERE run_id = value)
           OR EXISTS (SELECT 1 FROM signals WHERE run_id = value)`,
        JSON.stringify(runIds),
      );
      return new Set(rows.map(({ id }) => id));
    });
  }

  forgetRuns(runIds: readonly string[]): Promise<void> {
    return createForgetRuns(this.#runtime.database)(runIds);
  }

  stats(): EngineStats {
    const { queue, residents } = this.#runtime;
    const { length: queued, inBackground, running } = queue;
    return { queued, inBackground, running, resident: residents.count };
  }

  async versions(): Promise<readonly FlowVersion[]> {
    const { readRows, flows, residents } = this.#runtime;
    const groups = await readRows<UnfinishedRow>(unfinishedText);
    return tallyVersions(flows, unfinishedRuns(groups, residents));
  }

  async stop(graceMs: number): Promise<void> {
    this.#runtime.beginStop();
    const until = Date.now() + graceMs;
    while (this.#runtime.residents.busyCount > 0 && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.#runtime.dropAll();
    await this.#runtime.write(noteCleanStop).catch(() => {}); // Then the next start takes it for a crash.
    await this.#runtime.database.flush();
  }

  #checkAccepting(flow: string): void {
    const { stopping, queue, queueLimit, database, flows } = this.#runtime;
    if (stopping) throw serverStopping();
    if (database.failure !== undefined) throw database.failure;
    const queued = flows.isInBackground(flow) ? queue.inBackground : queue.length;
    const waiting = queued + Math.max(0, this.#starting - queue.room(flow));
    if (waiting < queueLimit) return;
    throw new SignalboxError(
      'queue_full',
      `${waiting} runs wait for their turn, which is the limit; try again in a few seconds.`,
      { retryAfterMs: 5_000 },
    );
  }

  #row(runId: string): RunRow {
    const row = runByRunId(this.#runtime.database, runId);
    if (row !== undefined) return row;
    throw unknownRun(runId);
  }

  #status(row: RunRow): RunStatus {
    const state = row.status === 'queued' ? this.#runtime.residents.get(row.id)?.state : undefined;
    return state === 'active' ? 'running' : state === 'resting' ? 'waiting' : row.status;
  }
}

function insertUnlessTaken(sql: Sql, run: PreparedRun): void {
  try {
    run.insert(sql);
  } catch (error) {
    if (!messageOf(error).includes('runs.run_id')) throw error;
    throw new SignalboxError(
      'conflict',
      `There is a run ${run.runId} already. Start this one under another id.`,
    );
  }
}

function originOf(options: StartOptions): RunOrigin {
  checkStartOptions(options);
  const { runId, priority = 0, startAt } = options;
  return { priority, ...(runId !== undefined && { runId }), ...(startAt !== undefined && { startAt }) };
}

function queuedRun({ id, flow, priority, concurrency_key: key }: RunRow): QueuedRun {
  return { id, flow, priority, ...(key !== null && { key }) };
}

/** A run and the runs that it waits for, to any depth, that have not ended. */
function withDescendants(sql: Sql, id: number): number[] {
  return sql
    .all<{ id: number }>(
      `WITH RECURSIVE family (id) AS (
         VALUES (?) UNION SELECT runs.id FROM runs JOIN family ON runs.parent = family.id WHERE runs.ended_at IS NULL
       ) SELECT id FROM family`,
      id,
    )
    .map((row) => row.id);
}
