import type { SignalboxError } from '../../core/errors.ts';
import { hasEnded } from '../engine.ts';
import { keepError } from '../kept-error.ts';
import { Admission } from './admission.ts';
import { Execution } from './execution.ts';
import { operationsOf, pauseRun, runById } from './journal.ts';
import type { Residents } from './residents.ts';
import type { Runtime } from './runtime.ts';

/** A run on its way to execution; `execution` for one that is new. */
interface Ticket {
  readonly id: number;
  readonly flow: string;
  readonly execution?: Execution;
}

/** Beyond it a queued run keeps only its number in memory and is read again when its turn comes. */
const queuedInMemory = 10_000;

/** The runs that may go on, and how they get into memory when their turn has come. */
export class RunQueue {
  readonly #runtime: Runtime;
  readonly #residents: Residents;
  readonly #admission: Admission<Ticket>;
  /** With the execution of those that are new. */
  readonly #queued = new Map<number, Execution | undefined>();

  constructor(runtime: Runtime, residents: Residents, concurrency: number) {
    this.#runtime = runtime;
    this.#residents = residents;
    this.#admission = new Admission<Ticket>(concurrency, (ticket) => this.#admit(ticket));
    for (const [name, limit] of runtime.flows.concurrency) this.#admission.addFlow(name, limit);
  }

  get length(): number {
    return this.#admission.queued;
  }

  get running(): number {
    return this.#admission.running;
  }

  /** How many runs of a flow would be admitted at once. */
  room(flow: string): number {
    return this.#admission.room(flow);
  }

  /** Queues a run that was begun just now. */
  addNew(execution: Execution): void {
    const { id, flow } = execution;
    if (this.#queued.size > queuedInMemory) {
      this.add(id, flow.name);
      return;
    }
    this.#queued.set(id, execution);
    this.#admission.enqueue({ id, flow: flow.name, execution });
  }

  /** Queues a run whose journal is on disk. */
  add(id: number, flow: string): void {
    if (this.#queued.has(id)) return;
    if (!this.#runtime.flows.hasName(flow)) {
      this.#pauseUnknown(id, flow);
      return;
    }
    this.#queued.set(id, undefined);
    this.#admission.enqueue({ id, flow });
  }

  /** Queues a run that is in memory. */
  addResident({ id, flow }: Execution): void {
    this.#queued.set(id, undefined);
    this.#admission.enqueue({ id, flow: flow.name });
  }

  /** Gives back the place of a run that has ended or rests. */
  release(flow: string): void {
    this.#admission.release(flow);
  }

  /** Makes a run that is new and queued do nothing when its turn comes. */
  drop(id: number, reason: Error): void {
    this.#queued.get(id)?.drop(reason);
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

  #admit(ticket: Ticket): void {
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
      return;
    }
    this.#residents.add(execution);
    execution.begin();
  }

  /** A journal is replayed from what is on disk: what a power failure may take back must not be acted on. */
  #admitOnceDurable(ticket: Ticket): void {
    this.#runtime.database
      .read(() => !this.#runtime.stopping && this.#admit(ticket))
      .catch((error) => this.#runtime.observer.storageFailed(error));
  }

  #load(ticket: Ticket): Execution | undefined {
    const { database, flows } = this.#runtime;
    const row = runById(database, ticket.id);
    if (row === undefined || hasEnded(row.status) || row.status === 'paused') return undefined;
    const flow = flows.find(row.flow, row.version);
    if (flow === undefined) {
      this.#pauseUnknown(ticket.id, `${row.flow}@${row.version}`);
      return undefined;
    }
    return new Execution(this.#runtime, {
      id: row.id,
      runId: row.run_id,
      flow,
      input: JSON.parse(row.input),
      createdAt: row.created_at,
      cancelReason: row.cancel_reason,
      patches: row.patches,
      journal: operationsOf(database, row.id),
    });
  }
}
