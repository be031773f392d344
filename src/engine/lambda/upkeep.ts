import { setTimeout as pause } from 'node:timers/promises';
import { hasEnded } from '../engine.ts';
import type { Records, StoredRecord } from '../records.ts';
import type { LambdaEngine } from './engine.ts';
import { lookAgainAt } from './inbox.ts';
import { listFor, placeOf, type RunRecord, recordKeys, runIdOf } from './messages.ts';

/** Who does what one process of all does at a time. */
interface Leases {
  take(name: string, ttlMs: number): Promise<Lease | undefined>;
}

interface Lease {
  /** False when somebody else has had it since. */
  renew(ttlMs: number): Promise<boolean>;
  release(heldForMs?: number): Promise<void>;
}

export interface UpkeepOptions {
  readonly engine: Pick<LambdaEngine, 'reconcile'>;
  readonly records: Records;
  readonly leases: Leases;
  /** How long runs that have ended are kept; null is for ever. */
  readonly keepMs: number | null;
  /** Of all processes together, from the end of one round to the next. Default: an hour. */
  readonly everyMs?: number;
  /** After each piece. Default: 2 s, which with the runs of one piece stays far below what AWS allows (15 calls a second). */
  readonly restMs?: number;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly now?: () => number;
  readonly onSwept?: (removed: Readonly<Record<string, number>>) => void;
  readonly onError?: (error: unknown) => void;
}

/** What one round has done, by what it was done to. */
export type Swept = Readonly<
  Record<'runs ended by AWS' | 'runs' | 'idempotency keys' | 'inbox entries', number>
>;

const leaseMs = 120_000;
const askEveryMs = 300_000;
const runsAtOnce = 10;
const recordsAtOnce = 50;

/**
 * Ends runs that AWS has ended without them, and removes what nobody needs any more: idempotency keys past their time, the inboxes of
 * runs that have ended or never came, runs that ended long ago. One process of all does it, in small pieces. Each write is
 * conditional, so that two who both believe to have the lease do no harm.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #now: () => number;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  begin(afterMs = 60_000): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.sweep()
        .then(
          (swept) => swept && Object.values(swept).some(Boolean) && this.#options.onSwept?.(swept),
          (error) => !this.#stopping.signal.aborted && this.#options.onError?.(error),
        )
        .finally(() => this.begin(askEveryMs));
    }, afterMs).unref();
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }

  /** One round, unless another process makes it or has just made it (undefined). */
  async sweep(): Promise<Swept | undefined> {
    const { leases, everyMs = 3_600_000, restMs = 2_000 } = this.#options;
    const lease = await leases.take('lambda-upkeep', leaseMs);
    if (lease === undefined) return undefined;
    const swept = { 'runs ended by AWS': 0, runs: 0, 'idempotency keys': 0, 'inbox entries': 0 };
    for await (const _piece of this.#pieces(swept)) {
      await pause(restMs, undefined, { ref: false, signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopping.signal.aborted || !(await lease.renew(leaseMs))) break;
    }
    await lease.release(this.#stopping.signal.aborted ? 0 : everyMs);
    return swept;
  }

  async *#pieces(swept: Record<keyof Swept, number>): AsyncGenerator<void> {
    const { engine, records } = this.#options;
    for (let done = -1; done !== 0; ) {
      done = 0;
      for (const record of await records.due(this.#now(), recordsAtOnce)) {
        if (await this.#settle(record, swept)) done += 1;
      }
      yield;
    }
    let after: string | undefined;
    do {
      const { ended, problems, next } = await engine.reconcile(runsAtOnce, after);
      swept['runs ended by AWS'] += ended;
      for (const problem of problems) this.#options.onError?.(problem);
      after = next;
      yield;
    } while (after !== undefined);
  }

  /** Whether it is not due any more; it is, when somebody has changed it meanwhile. */
  async #settle(record: StoredRecord, swept: Record<keyof Swept, number>): Promise<boolean> {
    const { key, version, value } = record;
    const again = await this.#whenAgain(record);
    if (again !== undefined) return this.#options.records.write(key, version, value, again);
    const isRemoved = await this.#options.records.remove(key, version);
    if (isRemoved) swept[kindOf(key)] += 1;
    return isRemoved;
  }

  /** Where a record stands from now on, or undefined when nobody needs it. */
  async #whenAgain({ key, value }: StoredRecord) {
    const kind = kindOf(key);
    if (kind === 'idempotency keys') return undefined;
    if (kind === 'runs') return this.#whenRunAgain(value as RunRecord);
    const runId = runIdOf(key);
    const run = (await this.#options.records.read(recordKeys.run(runId)))?.value as RunRecord | undefined;
    const list = key.startsWith('inbox/') ? { list: listFor(runId) } : {};
    return run === undefined || hasEnded(run.status)
      ? undefined
      : { ...list, dueAt: lookAgainAt(this.#now()) };
  }

  /** One that was started anew says what was tried before, as long as the new one is there. */
  async #whenRunAgain(run: RunRecord) {
    const { keepMs, records } = this.#options;
    const later = run.restartedAs !== undefined && (await records.read(recordKeys.run(run.restartedAs)));
    const dueAt = run.endedAt! + (keepMs ?? Number.POSITIVE_INFINITY);
    if (!later && dueAt <= this.#now()) return undefined;
    const soonest = this.#now() + 86_400_000;
    return { ...placeOf(run), dueAt: keepMs === null ? lookAgainAt(this.#now()) : Math.max(dueAt, soonest) };
  }
}

function kindOf(key: string): Exclude<keyof Swept, 'runs ended by AWS'> {
  if (key.startsWith('key/')) return 'idempotency keys';
  return key.startsWith('run/') ? 'runs' : 'inbox entries';
}
