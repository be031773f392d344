import type { Sql } from '../../sqlite/database.ts';
import { Alarm } from './alarm.ts';
import {
  dueOperations,
  earliestDue,
  type RunRow,
  releaseDelayed,
  releaseRetry,
  setStatus,
} from './journal.ts';
import type { EndedWait } from './run-ends.ts';
import type { Runtime } from './runtime.ts';
import { putSignal, timedOutSignal } from './signals.ts';

const dueAtOnce = 1_000;
const storageRetryMs = 1_000;
/** Runs that begin at a time of the clock are not due while that is set back, and no alarm tells when they are. */
const lookAgainMs = 1_000;

/** A step whose delay is over. */
export interface DueRetry {
  readonly run: number;
  readonly flow: string;
  readonly priority: number;
  readonly position: number;
}

interface Due {
  readonly ended: readonly EndedWait[];
  readonly retries: readonly DueRetry[];
  /** Delayed runs that may begin. */
  readonly delayed: readonly RunRow[];
  /** Whether there are more than one group took. */
  readonly more: boolean;
  readonly next: number | null;
}

/** Ends sleeps and waits when they are due, and lets delayed attempts and runs begin. The times are in the journal; only the earliest is in memory. */
export class Timers {
  readonly #runtime: Runtime;
  readonly #alarm: Alarm;
  #stopped = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#alarm = new Alarm(() => this.check(), runtime.clock);
  }

  /** Makes sure that what is due at that time (milliseconds since the epoch) is looked at then. */
  set(dueAt: number): void {
    if (!this.#stopped) this.#alarm.setNoLaterThan(dueAt);
  }

  stop(): void {
    this.#stopped = true;
    this.#alarm.clear();
  }

  /** Ends what is due now and sets the alarm for what comes next. */
  check(): void {
    if (this.#stopped) return;
    const now = this.#runtime.clock();
    const wall = Math.min(now, this.#runtime.wallClock());
    this.#runtime
      .write((sql) => this.#endDue(sql, now, wall))
      .then(
        (due) => this.#deliver(due),
        () => this.set(now + storageRetryMs),
      );
  }

  #deliver({ ended, retries, delayed, more, next }: Due): void {
    for (const end of ended) this.#runtime.deliver(end);
    for (const retry of retries) this.#runtime.retry(retry);
    for (const run of delayed) this.#runtime.queue.addDelayed(run);
    if (more) setImmediate(() => this.check());
    else if (next !== null) this.set(next);
  }

  #endDue(sql: Sql, now: number, wall: number): Due {
    const due = dueOperations(sql, now, dueAtOnce);
    const ended: EndedWait[] = [];
    const retries: DueRetry[] = [];
    for (const { run, run_id: runId, flow, priority, position, kind, name, target } of due) {
      if (kind === 'run') {
        releaseRetry(sql, { run, position });
        setStatus(sql, run, 'waiting', 'queued');
        retries.push({ run, flow, priority, position });
        continue;
      }
      const result = kind === 'signal' ? timedOutSignal : null;
      const end = this.#runtime.ends.endWait(sql, { run, position }, { result, error: null });
      if (end !== undefined) ended.push(end);
      if (kind === 'signal')
        putSignal(sql, { runId, name, occurrence: Number(target), payload: null, at: now });
    }
    const delayed = releaseDelayed(sql, wall, dueAtOnce);
    const more = due.length === dueAtOnce || delayed.length === dueAtOnce;
    const next = more ? null : earliestDue(sql);
    const isHeldBack = next !== null && next <= now;
    return { ended, retries, delayed, more, next: isHeldBack ? now + lookAgainMs : next };
  }
}
