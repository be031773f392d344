import { SignalboxError } from '../../core/errors.ts';
import { uuidv7 } from '../../core/ids.ts';
import type { Database, Sql } from '../../sqlite/database.ts';
import { type EndedStatus, type Fact, hasEnded, type StampedFact } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { FlowRegistry } from '../flow-registry.ts';
import { journalText } from '../journal-text.ts';
import { type KeptError, keepError } from '../kept-error.ts';
import type { EngineObserver } from '../observer.ts';
import { Admission } from './admission.ts';
import { Endings } from './endings.ts';
import { Execution } from './execution.ts';
import type { Completion, ExecutionHost, PreparedRun } from './execution-host.ts';
import type { FactWriter } from './facts.ts';
import {
  endRun,
  endWaiting,
  insertRun,
  nextSequence,
  operationsOf,
  pauseRun,
  purgeExpiredKeys,
  runById,
  setStatus,
} from './journal.ts';
import { toOperation } from './queries.ts';
import { Timers } from './timers.ts';

export interface EmbeddedOptions {
  readonly database: Database;
  readonly flows: readonly Flow<never>[];
  readonly writeFacts: FactWriter;
  readonly observer: EngineObserver;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
  /** Runs of all flows that execute at once. Default 1,024. */
  readonly concurrency?: number;
  /** Runs that wait for their turn, beyond which `start` refuses. Default 100,000. */
  readonly queueLimit?: number;
  /** How long a waiting run stays in memory. Default 1,000. */
  readonly residentMs?: number;
  /** For tests: after each operation the run leaves memory and is replayed. */
  readonly alwaysReplay?: boolean;
}

/** A run on its way to execute; `execution` is there for one that has not begun. */
interface Ticket {
  readonly id: number;
  readonly flow: string;
  readonly execution?: Execution;
}

/** The durable end of an operation of a run, to be given to the run. */
export interface EndedWait {
  readonly run: number;
  readonly flow: string;
  readonly completion: Completion;
}

/** Waiting runs that stay in memory at most. */
const residentLimit = 1_000;
const purgeEveryMs = 60_000;
const storageRetryMs = 1_000;
/** Beyond it a queued run keeps only its number in memory and is read again when its turn comes. */
const queuedInMemory = 10_000;

/** The runs in memory and what moves them: turns, waits that end, timers, admission. */
export class Runtime implements ExecutionHost {
  readonly clock: () => number;
  readonly alwaysReplay: boolean;
  readonly database: Database;
  readonly observer: EngineObserver;
  readonly queueLimit: number;
  readonly admission: Admission<Ticket>;
  readonly endings = new Endings();
  stopping = false;
  readonly flows: FlowRegistry;
  readonly #writeFacts: FactWriter;
  readonly #residents = new Map<number, Execution>();
  readonly #resting = new Map<number, Execution>();
  /** Queued runs, with the execution of those that are new. */
  readonly #queued = new Map<number, Execution | undefined>();
  readonly #timers: Timers;
  readonly #residentMs: number;
  readonly #sweeper: NodeJS.Timeout;
  readonly #purger: NodeJS.Timeout;
  #turns: Execution[] = [];
  #lastRunNumber: number;

  constructor(options: EmbeddedOptions) {
    this.database = options.database;
    this.observer = options.observer;
    this.clock = options.clock ?? Date.now;
    this.alwaysReplay = options.alwaysReplay ?? false;
    this.queueLimit = options.queueLimit ?? 100_000;
    this.flows = new FlowRegistry(options.flows);
    this.#writeFacts = options.writeFacts;
    this.#residentMs = options.residentMs ?? 1_000;
    this.admission = new Admission<Ticket>(options.concurrency ?? 1_024, (ticket) => this.#admit(ticket));
    for (const [name, limit] of this.flows.concurrency) this.admission.addFlow(name, limit);
    this.#lastRunNumber = this.database.get<{ id: number | null }>('SELECT max(id) AS id FROM runs')?.id ?? 0;
    this.#timers = new Timers(this);
    this.#sweeper = setInterval(() => this.#evictResting(), 250).unref();
    this.#purger = setInterval(() => this.#purgeKeys(), purgeEveryMs).unref();
  }

  get residentCount(): number {
    return this.#residents.size;
  }

  get busyCount(): number {
    let busy = 0;
    for (const execution of this.#residents.values()) if (execution.isBusy) busy += 1;
    return busy;
  }

  resident(id: number): Execution | undefined {
    return this.#residents.get(id);
  }

  isQueued(id: number): boolean {
    return this.#queued.has(id);
  }

  write<T>(work: (sql: Sql) => T): Promise<T> {
    return this.database.write(work);
  }

  writeFacts(sql: Sql, facts: readonly StampedFact[]): void {
    this.#writeFacts(sql, facts);
  }

  setAlarm(dueAt: number): void {
    this.#timers.set(dueAt);
  }

  /** Forgets idempotency keys that have expired, a group at a time. */
  #purgeKeys(): void {
    const now = this.clock();
    this.write((sql) => purgeExpiredKeys(sql, now)).then(
      (purged) => purged > 0 && !this.stopping && setImmediate(() => this.#purgeKeys()),
      () => {},
    );
  }

  /** Takes up what an earlier process left: runs that were executing, and the timers of those that wait. */
  recover(): void {
    this.database.run(
      `UPDATE runs SET status = 'queued', error = NULL WHERE status = 'paused' AND ended_at IS NULL`,
    );
    const rows = this.database.all<{ id: number; flow: string }>(
      `SELECT id, flow FROM runs WHERE status = 'queued' AND ended_at IS NULL ORDER BY id`,
    );
    for (const row of rows) this.enqueue(row.id, row.flow);
    this.#timers.check();
    this.#purgeKeys();
  }

  newRun<I>(
    flow: Flow<I>,
    input: I,
    parent?: { id: number; position: number },
    from: { runId?: string; restartOf?: string } = {},
  ): PreparedRun & { readonly id: number } {
    this.flows.require(flow.name, flow.version);
    const parsed = flow.parseInput(input);
    const text = journalText(parsed, `input of flow ${flow.name}`) ?? 'null';
    const id = ++this.#lastRunNumber;
    const runId = from.runId ?? uuidv7();
    const createdAt = this.clock();
    const { name, version } = flow;
    const restartOf = from.restartOf === undefined ? {} : { restartOf: from.restartOf };
    const row = {
      id,
      runId,
      flow: name,
      version,
      input: text,
      createdAt,
      ...restartOf,
      ...(parent && { parent }),
    };
    return {
      id,
      runId,
      insert: (sql) => insertRun(sql, row),
      enqueue: () => this.#enqueueNew(flow, { id, runId, input: parsed, createdAt }),
    };
  }

  #enqueueNew<I>(flow: Flow<I>, run: { id: number; runId: string; input: I; createdAt: number }): void {
    if (this.#queued.size > queuedInMemory) {
      this.enqueue(run.id, flow.name);
      return;
    }
    const execution = new Execution(this, { ...run, flow: flow as unknown as Flow, cancelReason: null });
    this.#queued.set(run.id, execution);
    this.admission.enqueue({ id: run.id, flow: flow.name, execution });
  }

  /** Queues a run whose journal is on disk. */
  enqueue(id: number, flow: string): void {
    if (this.#queued.has(id)) return;
    if (!this.flows.hasName(flow)) {
      this.#pauseUnknown(id, flow);
      return;
    }
    this.#queued.set(id, undefined);
    this.admission.enqueue({ id, flow });
  }

  #pauseUnknown(id: number, flow: string): void {
    const error = this.flows.unknown(flow);
    this.write((sql) => pauseRun(sql, id, JSON.stringify(keepError(error, 'unknown_flow')))).then(
      () => this.#reportPaused(id, error),
      () => {},
    );
  }

  #admit(ticket: Ticket): void {
    if (this.database.isSyncing && ticket.execution === undefined && !this.#residents.has(ticket.id)) {
      this.#admitOnceDurable(ticket);
      return;
    }
    this.#queued.delete(ticket.id);
    const resident = this.#residents.get(ticket.id);
    if (resident !== undefined) {
      this.#resting.delete(ticket.id);
      resident.resume();
      return;
    }
    // A new run that was cancelled while it was queued, or one that has ended since, has nothing to do.
    const execution = ticket.execution ?? this.#load(ticket);
    if (execution === undefined || execution.state === 'gone') {
      setImmediate(() => this.admission.release(ticket.flow));
      return;
    }
    this.#residents.set(ticket.id, execution);
    execution.begin();
  }

  /** A journal is replayed from what is on disk: what a power failure may take back must not be acted on. */
  #admitOnceDurable(ticket: Ticket): void {
    this.database
      .read(() => !this.stopping && this.#admit(ticket))
      .catch((error) => this.observer.storageFailed(error));
  }

  #load(ticket: Ticket): Execution | undefined {
    const row = runById(this.database, ticket.id);
    if (row === undefined || hasEnded(row.status) || row.status === 'paused') return undefined;
    const flow = this.flows.find(row.flow, row.version);
    if (flow === undefined) {
      this.#pauseUnknown(ticket.id, `${row.flow}@${row.version}`);
      return undefined;
    }
    return new Execution(this, {
      id: row.id,
      runId: row.run_id,
      flow,
      input: JSON.parse(row.input),
      createdAt: row.created_at,
      cancelReason: row.cancel_reason,
      journal: operationsOf(this.database, row.id),
    });
  }

  scheduleTurn(execution: Execution): void {
    if (this.#turns.length === 0) setImmediate(() => this.#endTurn());
    this.#turns.push(execution);
  }

  #endTurn(): void {
    const executions = this.#turns;
    this.#turns = [];
    for (const execution of executions) execution.afterTurn();
  }

  rested(execution: Execution): void {
    this.admission.release(execution.flow.name);
    if (this.stopping) return;
    this.#resting.set(execution.id, execution);
    const lastSequence = execution.lastSequence;
    this.write((sql) => {
      if (!hasWork(sql, execution.id, lastSequence)) setStatus(sql, execution.id, 'queued', 'waiting');
    }).catch(() => {});
    if (this.#residentMs === 0 || this.#resting.size > residentLimit) this.#evictResting();
  }

  wake(execution: Execution): void {
    this.#queued.set(execution.id, undefined);
    this.admission.enqueue({ id: execution.id, flow: execution.flow.name });
  }

  reload(execution: Execution): void {
    this.#forget(execution, new Error('The run is replayed.'));
    this.admission.release(execution.flow.name);
    this.enqueue(execution.id, execution.flow.name);
  }

  returned(execution: Execution, output: unknown): void {
    try {
      const { name } = execution.flow;
      const parsed = execution.flow.parseOutput(output);
      const text = journalText(parsed, `output of flow ${name}`) ?? 'null';
      this.#end(execution, 'succeeded', { output: text });
    } catch (error) {
      this.threw(execution, error);
    }
  }

  threw(execution: Execution, error: unknown): void {
    const kept = keepError(error, 'run_failed');
    this.#end(execution, kept.code === 'run_cancelled' ? 'cancelled' : 'failed', { error: kept });
  }

  #end(execution: Execution, status: EndedStatus, end: { output?: string; error?: KeptError }): void {
    this.#forget(execution, new Error('The run has ended.'));
    this.write((sql) => this.endRun(sql, execution.id, status, end)).then(
      (parent) => {
        this.admission.release(execution.flow.name);
        this.reportEnd(execution.id, parent);
        if (status === 'failed')
          this.observer.runFailed(execution.flow.name, execution.runId, end.error!.message);
      },
      (error) => this.#tryAgainLater(execution, error),
    );
  }

  /** Ends a run in the journal, and the operation of the parent that waits for it. */
  endRun(
    sql: Sql,
    id: number,
    status: EndedStatus,
    end: { output?: string; error?: KeptError },
  ): EndedWait | undefined {
    const at = this.clock();
    const error = end.error === undefined ? null : JSON.stringify(end.error);
    if (!endRun(sql, id, { status, output: end.output ?? null, error, at })) return undefined;
    const { parent, parent_position: position } = runById(sql, id)!;
    if (parent === null) return undefined;
    return this.endWait(sql, { run: parent, position: position! }, { result: end.output ?? null, error });
  }

  /** Cancels a run whose code does not run again, and closes on the record what it stood for. */
  abandonRun(sql: Sql, id: number, error: KeptError): EndedWait | undefined {
    const row = runById(sql, id)!;
    if (hasEnded(row.status)) return undefined;
    const facts = this.flows.find(row.flow, row.version)?.abandoned({
      input: JSON.parse(row.input),
      error: { code: error.code, message: error.message },
      at: this.clock(),
      isRestart: row.restart_of !== null,
      history: operationsOf(sql, id).map(toOperation),
    });
    if (facts?.length) this.writeFacts(sql, this.stamped(row.run_id, facts, 'end'));
    return this.endRun(sql, id, 'cancelled', { error });
  }

  /** Ends an operation that waits. Undefined when it has ended already. */
  endWait(
    sql: Sql,
    at: { run: number; position: number },
    end: { result: string | null; error: string | null },
  ): EndedWait | undefined {
    const endedAt = this.clock();
    const sequence = this.#residents.get(at.run)?.takeSequence() ?? nextSequence(sql, at.run);
    if (!endWaiting(sql, at, { sequence, ...end, endedAt })) return undefined;
    setStatus(sql, at.run, 'waiting', 'queued');
    const { flow, ended_at: runEndedAt } = runById(sql, at.run)!;
    if (runEndedAt !== null) return undefined;
    const outcome =
      end.error === null ? { value: parsed(end.result) } : { error: JSON.parse(end.error) as KeptError };
    return { run: at.run, flow, completion: { position: at.position, sequence, endedAt, ...outcome } };
  }

  /** Gives a durable end to the run that waits for it. */
  deliver(ended: EndedWait): void {
    const execution = this.#residents.get(ended.run);
    if (execution === undefined) this.enqueue(ended.run, ended.flow);
    else execution.complete(ended.completion);
  }

  /** Gives the end of a run to its parent and to whoever waits for it. */
  reportEnd(id: number, parent?: EndedWait): void {
    if (parent !== undefined) this.deliver(parent);
    this.endings.tell(id);
  }

  paused(execution: Execution, error: SignalboxError): void {
    this.#forget(execution, error);
    this.admission.release(execution.flow.name);
    this.write((sql) => pauseRun(sql, execution.id, JSON.stringify(keepError(error, 'flow_changed')))).then(
      () => this.#reportPaused(execution.id, error),
      (failure) => this.observer.storageFailed(failure),
    );
  }

  #reportPaused(id: number, error: SignalboxError): void {
    this.observer.runPaused(runById(this.database, id)!.run_id, error.message);
    this.reportEnd(id);
  }

  writeFailed(execution: Execution, error: unknown): void {
    const failedToStore =
      error instanceof SignalboxError && ['storage_failed', 'shutting_down'].includes(error.code);
    if (!failedToStore) {
      this.threw(execution, error);
      return;
    }
    this.#forget(execution, error);
    this.#tryAgainLater(execution, error);
  }

  #tryAgainLater(execution: Execution, error: unknown): void {
    this.admission.release(execution.flow.name);
    if (this.stopping) return;
    this.observer.storageFailed(error);
    setTimeout(() => this.enqueue(execution.id, execution.flow.name), storageRetryMs).unref();
  }

  /** Drops a run from memory without an end; for `terminate`. */
  abandon(id: number, reason: Error): void {
    this.#queued.get(id)?.drop(reason);
    const execution = this.#residents.get(id);
    if (execution === undefined) return;
    const occupied = execution.state === 'active';
    this.#forget(execution, reason);
    if (occupied) this.admission.release(execution.flow.name);
  }

  #forget(execution: Execution, reason: Error): void {
    execution.drop(reason);
    this.#residents.delete(execution.id);
    this.#resting.delete(execution.id);
  }

  #evictResting(): void {
    const before = this.clock() - this.#residentMs;
    for (const execution of this.#resting.values()) {
      if (execution.restingSince > before && this.#resting.size <= residentLimit) return;
      this.#resting.delete(execution.id);
      if (execution.state === 'resting') this.#forget(execution, new Error('The run waits on disk.'));
    }
  }

  /** Lets the next attempt of a step begin. */
  retry(retry: { run: number; flow: string; position: number }): void {
    const execution = this.#residents.get(retry.run);
    if (execution === undefined) this.enqueue(retry.run, retry.flow);
    else execution.retry(retry.position);
  }

  /** Facts of the start or the end of a run, which are those of no operation. */
  stamped(runId: string, facts: readonly Fact[], place: 'start' | 'end' = 'start'): StampedFact[] {
    const at = this.clock();
    return facts.map((fact, index) => ({ ...fact, id: `${runId}/${place}/${index}`, at }));
  }

  /** Stops timers and admission; what executes goes on until it rests or is let go. */
  beginStop(): void {
    this.stopping = true;
    this.admission.close();
    this.#timers.stop();
    clearInterval(this.#sweeper);
    clearInterval(this.#purger);
  }

  /** Lets go of every run in memory. */
  dropAll(): void {
    const reason = new SignalboxError(
      'shutting_down',
      'The process is stopping; the run goes on at the next start.',
    );
    for (const execution of [...this.#residents.values()]) this.#forget(execution, reason);
  }
}

/** Whether an operation has ended that the flow has not heard of, or a delayed attempt may begin. */
function hasWork(sql: Sql, run: number, lastSequence: number): boolean {
  const work = sql.get(
    `SELECT 1 FROM operations
     WHERE run = ? AND (sequence > ? OR (status = 'retrying' AND due_at IS NULL)) LIMIT 1`,
    run,
    lastSequence,
  );
  return work !== undefined;
}

function parsed(result: string | null): unknown {
  return result === null ? undefined : JSON.parse(result);
}
