import { messageOf, SignalboxError } from '../../core/errors.ts';
import { hasEnded } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { keepError } from '../kept-error.ts';
import { Admission, type Ticket } from './admission.ts';
import { Execution } from './execution.ts';
import { operationsOf, pauseRun, type RunRow, runById } from './journal.ts';
import type { Residents } from './residents.ts';
import type { Runtime } from './runtime.ts';
import type { StalledRun } from './stalled.ts';
import { Suspects } from './suspects.ts';

/** A run on its way to execution; `execution` for one that is new. */
interface RunTicket extends Ticket {
  readonly execution?: Execution;
}

/** A run that may go on. */
export interface QueuedRun {
  readonly id: number;
  readonly flow: string;
  readonly priority: number;
  /** Needed for one that has not begun. */
  readonly key?: string;
  /** Since when it waits for its turn. Default: now. */
  readonly readyAt?: number;
}

interface HolderRow {
  readonly id: number;
  readonly flow: string;
  readonly key: string;
}

/** What one step of priority is worth in the queue. */
const priorityMs = 60_000;

/** Runs that have begun and have a key. */
const holdersText = `
  SELECT id, flow, concurrency_key AS key FROM runs
  WHERE ended_at IS NULL AND status IN ('queued', 'waiting', 'paused') AND concurrency_key IS NOT NULL
    AND (status <> 'queued' OR EXISTS (SELECT 1 FROM operations WHERE run = runs.id))`;

const queuedText = `
  SELECT id, flow, priority, concurrency_key AS key, coalesce(start_at, created_at) AS ready_at FROM runs
  WHERE status = 'queued' AND ended_at IS NULL AND delayed IS NULL ORDER BY id`;

interface QueuedRow {
  readonly id: number;
  readonly flow: string;
  readonly priority: number;
  readonly key: string | null;
  readonly ready_at: number;
}

/** Beyond it, and in the background, a queued run keeps only its number in memory and is read again when its turn comes. */
const queuedInMemory = 10_000;
const storageRetryMs = 1_000;

/** The runs that may go on, and how they get into memory when their turn has come. */
export class RunQueue {
  readonly #runtime: Runtime;
  readonly #residents: Residents;
  readonly #admission: Admission<RunTicket>;
  /** With the execution of those that are new. */
  readonly #queued = new Map<number, Execution | undefined>();
  readonly #suspects: Suspects;
  /** Suspects that may execute only alone. */
  readonly #waitingAlone: RunTicket[] = [];
  #now = 0;

  constructor(
    runtime: Runtime,
    residents: Residents,
    limits: { readonly concurrency: number; readonly parkAfterCrashes: number | null },
  ) {
    this.#suspects = new Suspects(limits.parkAfterCrashes);
    this.#runtime = runtime;
    this.#residents = residents;
    this.#admission = new Admission<RunTicket>(limits.concurrency, (ticket) => this.#admit(ticket));
    const { flows } = runtime;
    for (const [name, limit] of flows.concurrency) {
      const background = flows.isInBackground(name);
      this.#admission.addFlow(name, limit, { keyLimit: flows.keyLimits.get(name), background });
    }
  }

  get length(): number {
    return this.#admission.queued;
  }

  /** Of flows in the background, which are not counted. */
  get inBackground(): number {
    return this.#admission.inBackground;
  }

  get running(): number {
    return this.#admission.running;
  }

  /** How many runs of a flow would be admitted at once. */
  room(flow: string): number {
    return this.#admission.room(flow);
  }

  /** Takes up the runs that an earlier process left, in the order in which they stood. */
  recover(): void {
    const { database } = this.#runtime;
    for (const { id, error } of this.#suspects.recover(database)) this.#runtime.reportPaused(id, error);
    for (const { id, flow, key } of database.all<HolderRow>(holdersText)) {
      this.#admission.holdKey({ id, flow, key });
    }
    this.#admission.hold();
    for (const row of database.all<QueuedRow>(queuedText)) {
      const { id, flow, priority, key } = row;
      this.add({ id, flow, priority, readyAt: row.ready_at, ...(key !== null && { key }) });
    }
    this.#admission.proceed();
  }

  /** Queues a run that was started just now. */
  addNew(execution: Execution, key: string | undefined): void {
    const { id, flow, priority } = execution;
    const run = { id, flow: flow.name, priority, ...(key !== undefined && { key }) };
    const waitsLong = flow.background && this.room(flow.name) === 0;
    if (waitsLong || this.#queued.size > queuedInMemory) {
      this.add(run);
      return;
    }
    this.#queued.set(id, execution);
    this.#admission.enqueue({ ...run, rank: this.#rank(run), execution });
  }

  /** Queues a run whose journal is on disk. */
  add(run: QueuedRun): void {
    const { id, flow, key } = run;
    if (this.#queued.has(id)) return;
    if (!this.#runtime.flows.hasName(flow)) {
      this.#pauseUnknown(id, flow);
      return;
    }
    this.#queued.set(id, undefined);
    this.#admission.enqueue({ id, flow, rank: this.#rank(run), ...(key !== undefined && { key }) });
  }

  /** Queues a run that was delayed: it stands where it would stand had it been started when its time came. */
  addDelayed({ id, flow, priority, concurrency_key: key, start_at: readyAt }: RunRow): void {
    this.add({ id, flow, priority, readyAt: readyAt!, ...(key !== null && { key }) });
  }

  /** Queues a run that was in memory, to be read again. */
  addAgain({ id, flow, priority }: StalledRun): void {
    this.add({ id, flow: flow.name, priority });
  }

  /** Queues a run that is in memory. */
  addResident({ id, flow, priority }: Execution): void {
    this.#queued.set(id, undefined);
    this.#admission.enqueue({ id, flow: flow.name, rank: this.#rank({ priority }) });
  }

  /** Lets another run with the same key begin. */
  ended(id: number): void {
    this.#admission.releaseKey(id);
  }

  /** Where a run stands: by the time since when it may go on, a minute earlier for each step of its priority. */
  #rank({ priority, readyAt }: { readonly priority: number; readonly readyAt?: number }): number {
    // Should the clock go back, who comes later still stands later.
    this.#now = Math.max(this.#now, this.#runtime.clock());
    return (readyAt ?? this.#now) - priority * priorityMs;
  }

  /** Gives back the place of a run that has ended or rests. */
  release(flow: string): void {
    this.#admission.release(flow);
  }

  /** Takes out a run that has ended before its turn came. */
  drop(id: number, reason: Error): void {
    if (!this.#queued.has(id)) return;
    this.#queued.get(id)?.drop(reason);
    this.#queued.delete(id);
    this.#admission.discard(id);
    const alone = this.#waitingAlone.findIndex((ticket) => ticket.id === id);
    if (alone >= 0) this.#waitingAlone.splice(alone, 1);
  }

  /** Admits nothing more. */
  close(): void {
    this.#admission.close();
  }

  #pauseUnknown(id: number, flow: string): void {
    const error = this.#runtime.flows.unknown(flow);
    this.#pause(id, error);
  }

  #pause(id: number, error: SignalboxError): void {
    const kept = JSON.stringify(keepError(error, 'unknown_flow'));
    this.#runtime
      .write((sql) => pauseRun(sql, id, kept))
      .then(
        () => this.#runtime.reportPaused(id, error),
        () => {},
      );
  }

  #admit(ticket: RunTicket): void {
    if (this.#suspects.has(ticket.id)) {
      this.#admitSuspect(ticket);
      return;
    }
    const resident = this.#residents.get(ticket.id);
    if (this.#runtime.database.isSyncing && ticket.execution === undefined && resident === undefined) {
      this.#admitOnceDurable(ticket);
      return;
    }
    this.#queued.delete(ticket.id);
    if (resident !== undefined) {
      this.#residents.resume(resident);
      return;
    }
    // A new run that was cancelled while it was queued, or one that has ended since, has nothing to do.
    const execution = ticket.execution ?? this.#load(ticket);
    if (execution === undefined || execution.state === 'gone') {
      setImmediate(() => this.release(ticket.flow));
      this.settled(ticket.id);
      this.#releaseKeyOfEnded(ticket.id);
      return;
    }
    this.#residents.add(execution);
    execution.begin();
  }

  /** A run that may be what ended the last process is noted before it executes. */
  #admitSuspect(ticket: RunTicket): void {
    if (this.#suspects.mustWait(ticket.id)) {
      this.#waitingAlone.push(ticket);
      setImmediate(() => this.release(ticket.flow));
      return;
    }
    this.#runtime.write(this.#suspects.note(ticket.id)).then(
      () => !this.#runtime.stopping && this.#admit(ticket),
      (error) => {
        this.#runtime.observer.storageFailed(error);
        setTimeout(() => !this.#runtime.stopping && this.#admit(ticket), storageRetryMs).unref();
      },
    );
  }

  /** A run has ended, is paused or waits: if it was a suspect, it is none any more, and the next one may execute. */
  settled(id: number): void {
    const forget = this.#suspects.settled(id);
    if (forget !== undefined) this.#runtime.write(forget).catch(() => {});
    if (this.#suspects.isOneAlone) return;
    const next = this.#waitingAlone.shift();
    if (next !== undefined) this.#admission.enqueue(next);
  }

  #releaseKeyOfEnded(id: number): void {
    const row = runById(this.#runtime.database, id);
    if (row === undefined || hasEnded(row.status)) this.ended(id);
  }

  /** A journal is replayed from what is on disk: what a power failure may take back must not be acted on. */
  #admitOnceDurable(ticket: RunTicket): void {
    this.#runtime.database
      .read(() => !this.#runtime.stopping && this.#admit(ticket))
      .catch((error) => this.#runtime.observer.storageFailed(error));
  }

  #load(ticket: RunTicket): Execution | undefined {
    const { database, flows } = this.#runtime;
    const row = runById(database, ticket.id);
    if (row === undefined || hasEnded(row.status) || row.status === 'paused') return undefined;
    const flow = flows.find(row.flow, row.version);
    if (flow === undefined) {
      this.#pauseUnknown(ticket.id, `${row.flow}@${row.version}`);
      return undefined;
    }
    try {
      return this.#executionOf(row, flow);
    } catch (error) {
      this.#pause(row.id, unreadable(row.run_id, error));
      return undefined;
    }
  }

  #executionOf(row: RunRow, flow: Flow): Execution {
    return new Execution(this.#runtime, {
      id: row.id,
      runId: row.run_id,
      flow,
      input: JSON.parse(row.input),
      createdAt: row.start_at ?? row.created_at,
      priority: row.priority,
      cancelReason: row.cancel_reason,
      patches: row.patches,
      journal: operationsOf(this.#runtime.database, row.id),
    });
  }
}

function unreadable(runId: string, error: unknown): SignalboxError {
  return new SignalboxError(
    'run_unreadable',
    `Run ${runId} cannot be read from the journal: ${messageOf(error)}. Put back a backup, or terminate the run.`,
    { cause: error },
  );
}
