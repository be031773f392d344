import { SignalboxError } from '../../core/errors.ts';
import type { Objects } from '../../objects/objects.ts';
import type { Database, Sql } from '../../sqlite/database.ts';
import type { EndedStatus, StampedFact } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { FlowRegistry } from '../flow-registry.ts';
import { keepOutput } from '../flow-values.ts';
import { keepError } from '../kept-error.ts';
import type { EngineObserver } from '../observer.ts';
import { Values } from '../values.ts';
import { Endings } from './endings.ts';
import type { Execution } from './execution.ts';
import type { ExecutionHost, PreparedRun, RunOrigin } from './execution-host.ts';
import type { FactWriter } from './facts.ts';
import { purgeExpiredKeys } from './idempotency-keys.ts';
import { pauseRun, runById, setStatus } from './journal.ts';
import { prepareRun } from './new-run.ts';
import { Residents } from './residents.ts';
import { type EndedWait, type RunEnd, RunEnds } from './run-ends.ts';
import { RunQueue } from './run-queue.ts';
import { OpenWaits } from './signals.ts';
import { Stalled, type StalledRun } from './stalled.ts';
import { steadyClock } from './steady-clock.ts';
import { type DueRetry, Timers } from './timers.ts';

/** The rows of a statement. */
export type ReadRows = <T>(text: string) => Promise<T[]>;

export interface EmbeddedOptions {
  readonly database: Database;
  readonly flows: readonly Flow<never>[];
  readonly writeFacts: FactWriter;
  /** Reads what may take long, beside the thread that executes. Default: in the database itself. */
  readonly readRows?: ReadRows;
  readonly observer: EngineObserver;
  /** For values that are too large for the journal; without it they are refused. */
  readonly objects?: Objects;
  /** Milliseconds since the epoch, for what waits. Default: the system's clock, without the times that it is set back. */
  readonly clock?: () => number;
  /** The same as somebody may set it, for runs that begin at a time of it. Default: `clock` if given, else the system's. */
  readonly wallClock?: () => number;
  /** Runs of all flows that execute at once. Default 1,024. */
  readonly concurrency?: number;
  /** Runs that wait for their turn, beyond which `start` refuses. Default 100,000. */
  readonly queueLimit?: number;
  /** How long a waiting run stays in memory. Default 1,000. */
  readonly residentMs?: number;
  /** How often in a row the process may die with a run executing before it is parked; null: as often as it likes. Default 3. */
  readonly parkAfterCrashes?: number | null;
  /** For tests: after each operation the run leaves memory and is replayed. */
  readonly alwaysReplay?: boolean;
}

const purgeEveryMs = 60_000;
const storageRetryMs = 1_000;

/** The runs in memory and what moves them: turns, waits that end, timers, admission. */
export class Runtime implements ExecutionHost {
  readonly clock: () => number;
  readonly wallClock: () => number;
  readonly alwaysReplay: boolean;
  readonly database: Database;
  readonly readRows: ReadRows;
  readonly observer: EngineObserver;
  readonly queueLimit: number;
  readonly flows: FlowRegistry;
  readonly residents: Residents;
  readonly queue: RunQueue;
  readonly ends: RunEnds;
  readonly endings = new Endings();
  readonly values: Values;
  readonly openWaits = new OpenWaits();
  stopping = false;
  readonly #writeFacts: FactWriter;
  readonly #timers: Timers;
  /** Runs whose journal could not be written, and those whose large values could not be written or read. */
  readonly #stalled: Stalled;
  readonly #withoutValues: Stalled;
  readonly #purger: NodeJS.Timeout;
  #turns: Execution[] = [];
  #lastRunNumber: number;

  constructor(options: EmbeddedOptions) {
    const { database, observer, writeFacts } = options;
    this.database = database;
    this.readRows = options.readRows ?? ((text) => database.read((sql) => sql.all(text)));
    this.observer = observer;
    this.clock = options.clock ?? steadyClock();
    this.wallClock = options.wallClock ?? options.clock ?? Date.now;
    this.values = new Values(options.objects);
    this.alwaysReplay = options.alwaysReplay ?? false;
    this.queueLimit = options.queueLimit ?? 100_000;
    this.flows = new FlowRegistry(options.flows);
    this.residents = new Residents(options.residentMs ?? 1_000, this.clock);
    const { concurrency = 1_024, parkAfterCrashes = 3 } = options;
    this.queue = new RunQueue(this, this.residents, { concurrency, parkAfterCrashes });
    const { residents, flows, clock } = this;
    this.ends = new RunEnds({ residents, flows, writeFacts, clock, observer });
    this.#writeFacts = writeFacts;
    this.#lastRunNumber = database.get<{ id: number | null }>('SELECT max(id) AS id FROM runs')?.id ?? 0;
    this.#timers = new Timers(this);
    const goOn = (run: StalledRun) => void (this.stopping || this.queue.addAgain(run));
    this.#stalled = new Stalled({ goOn, canWrite: () => database.failure === undefined });
    this.#withoutValues = new Stalled({
      goOn,
      backsOff: true,
      canWrite: () => !this.values.isAway,
      tryToWrite: () => void (this.stopping || this.values.tryAgain().catch(() => {})),
    });
    this.#purger = setInterval(() => this.#forgetOld(), purgeEveryMs).unref();
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

  #forgetOld(): void {
    this.openWaits.forget();
    this.#purgeKeys();
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
      `UPDATE runs SET status = 'queued', error = NULL
       WHERE status = 'paused' AND ended_at IS NULL AND error ->> '$.code' IS NOT 'crashed_repeatedly'`,
    );
    this.queue.recover();
    this.#timers.check();
    this.#purgeKeys();
  }

  newRun<I>(flow: Flow<I>, input: I, from: RunOrigin = {}): PreparedRun {
    return prepareRun(this, ++this.#lastRunNumber, flow, input, from);
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
    this.queue.release(execution.flow.name);
    if (this.stopping) return;
    this.queue.settled(execution.id);
    const { id, lastSequence } = execution;
    this.write((sql) => {
      if (!hasWork(sql, id, lastSequence)) setStatus(sql, id, 'queued', 'waiting');
    }).catch(() => {});
    this.residents.rest(execution);
  }

  wake(execution: Execution): void {
    this.queue.addResident(execution);
  }

  reload(execution: Execution): void {
    this.residents.forget(execution, new Error('The run is replayed.'));
    this.queue.release(execution.flow.name);
    this.queue.addAgain(execution);
  }

  returned(execution: Execution, output: unknown): void {
    try {
      const { text, store } = keepOutput(this.values, execution.runId, execution.flow, output);
      const end = () => this.#end(execution, 'succeeded', { output: text ?? 'null' });
      if (store === undefined) end();
      else this.#endOnceStored(execution, store(), end);
    } catch (error) {
      this.threw(execution, error);
    }
  }

  #endOnceStored(execution: Execution, stored: Promise<void>, end: () => void): void {
    stored.then(
      () => execution.state !== 'gone' && end(),
      (error) => execution.state !== 'gone' && this.valueFailed(execution, error),
    );
  }

  threw(execution: Execution, error: unknown): void {
    const kept = keepError(error, 'run_failed');
    this.#end(execution, kept.code === 'run_cancelled' ? 'cancelled' : 'failed', { error: kept });
  }

  #end(execution: Execution, status: EndedStatus, end: RunEnd): void {
    this.residents.forget(execution, new Error('The run has ended.'));
    this.write((sql) => this.ends.endRun(sql, execution.id, status, end)).then(
      (parent) => {
        this.queue.release(execution.flow.name);
        this.reportEnd(execution.id, parent);
        if (status === 'failed')
          this.observer.runFailed(execution.flow.name, execution.runId, end.error!.message);
      },
      (error) => this.#tryAgainLater(execution, error),
    );
  }

  /** Gives a durable end to the run that waits for it. */
  deliver(ended: EndedWait): void {
    const execution = this.residents.get(ended.run);
    if (execution === undefined) this.queue.add({ ...ended, id: ended.run });
    else execution.complete(ended.completion);
  }

  /** Gives the end of a run to its parent and to whoever waits for it. */
  reportEnd(id: number, parent?: EndedWait): void {
    if (parent !== undefined) this.deliver(parent);
    this.queue.settled(id);
    this.queue.ended(id);
    this.endings.tell(id);
  }

  paused(execution: Execution, error: SignalboxError): void {
    this.residents.forget(execution, error);
    this.queue.release(execution.flow.name);
    this.write((sql) => pauseRun(sql, execution.id, JSON.stringify(keepError(error, 'flow_changed')))).then(
      () => this.reportPaused(execution.id, error),
      (failure) => this.observer.storageFailed(failure),
    );
  }

  /** Tells who waits for a run that it is paused. */
  reportPaused(id: number, error: SignalboxError): void {
    this.queue.settled(id);
    this.observer.runPaused(runById(this.database, id)!.run_id, error.message);
    this.endings.tell(id);
  }

  writeFailed(execution: Execution, error: unknown): void {
    this.#failed(execution, error, this.#stalled);
  }

  valueFailed(execution: Execution, error: unknown): void {
    this.#failed(execution, error, this.#withoutValues);
  }

  #failed(execution: Execution, error: unknown, stalled: Stalled): void {
    const failedToStore =
      error instanceof SignalboxError && ['storage_failed', 'shutting_down'].includes(error.code);
    if (!failedToStore) {
      this.threw(execution, error);
      return;
    }
    this.residents.forget(execution, error);
    this.#tryAgainLater(execution, error, stalled);
  }

  /** Writes a change that comes from outside; if that fails, the runs that were told of it are read again as they are. */
  async writeFromOutside<T>(work: (sql: Sql) => T): Promise<T> {
    try {
      return await this.write(work);
    } catch (error) {
      for (const execution of this.residents.changedFromOutside()) {
        const isExecuting = execution.state === 'active';
        this.residents.forget(execution, new Error('The run is read again.'));
        if (isExecuting) this.#tryAgainLater(execution, error);
        else setTimeout(() => this.queue.addAgain(execution), storageRetryMs).unref();
      }
      throw error;
    }
  }

  #tryAgainLater(execution: Execution, error: unknown, stalled = this.#stalled): void {
    this.queue.release(execution.flow.name);
    if (this.stopping) return;
    this.observer.storageFailed(error);
    stalled.add(execution);
  }

  /** Drops a run from memory without an end; for `terminate`. */
  abandon(id: number, reason: Error): void {
    this.queue.drop(id, reason);
    const execution = this.residents.get(id);
    if (execution === undefined) return;
    const occupied = execution.state === 'active';
    this.residents.forget(execution, reason);
    if (occupied) this.queue.release(execution.flow.name);
  }

  /** Lets the next attempt of a step begin. */
  retry(retry: DueRetry): void {
    const execution = this.residents.get(retry.run);
    if (execution === undefined) this.queue.add({ ...retry, id: retry.run });
    else execution.retry(retry.position);
  }

  /** Stops timers and admission; what executes goes on until it rests or is let go. */
  beginStop(): void {
    this.stopping = true;
    this.queue.close();
    this.#timers.stop();
    this.residents.stop();
    clearInterval(this.#purger);
  }

  /** Lets go of every run in memory. */
  dropAll(): void {
    const reason = new SignalboxError(
      'shutting_down',
      'The process is stopping; the run goes on at the next start.',
    );
    this.residents.forgetAll(reason);
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
