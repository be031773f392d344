/** A run as it stands in the queue. */
export interface StalledRun {
  readonly id: number;
  readonly flow: { readonly name: string };
  readonly priority: number;
}

export interface StalledOptions {
  /** Lets a run go on from what is in its journal. */
  readonly goOn: (run: StalledRun) => void;
  /** Whether what was written last could be. */
  readonly canWrite: () => boolean;
  /** Writes something that could not be. Without it one of the runs is let go on for that. */
  readonly tryToWrite?: () => void;
  /** Whether one that comes again and again, though others are written, waits longer each time. Default: no. */
  readonly backsOff?: boolean;
  /** Before the first look, and between looks. Default: 1,000. */
  readonly everyMs?: number;
}

interface Waiting extends StalledRun {
  /** By the clock of this process. */
  readonly notBefore: number;
}

const longestPauses = 30;
const longestBackOffs = 60;
/** One that has not come for so long has got further meanwhile. */
const forgottenAfter = 300;

/**
 * Runs of which something could not be written. What they did since must be done again, an agent asked and a receiver sent to; so while
 * nothing can be written one alone tries, after 1, 2, 4 … 30 s, and all go on once anything could be.
 */
export class Stalled {
  readonly #options: StalledOptions;
  readonly #everyMs: number;
  #runs: Waiting[] = [];
  /** How often in a row each has come, and when it did. */
  readonly #times = new Map<number, { readonly count: number; readonly at: number }>();
  #timer: NodeJS.Timeout | undefined;
  /** Looks until one tries, and how many it was made to wait for. */
  #looksLeft = 1;
  #pauses = 1;

  constructor({ everyMs = 1_000, ...options }: StalledOptions) {
    this.#options = options;
    this.#everyMs = everyMs;
  }

  /** Of the run no more is kept than its place: its values may be large, and be many. */
  add({ id, flow, priority }: StalledRun): void {
    const now = performance.now();
    const count = (this.#times.get(id)?.count ?? 0) + 1;
    if (this.#options.backsOff) this.#times.set(id, { count, at: now });
    const looks = count === 1 || !this.#options.backsOff ? 0 : Math.min(2 ** (count - 1), longestBackOffs);
    this.#runs.push({ id, flow, priority, notBefore: now + looks * this.#everyMs });
    this.#timer ??= setTimeout(() => this.#look(), this.#everyMs).unref();
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#options.canWrite()) {
      this.#pauses = 1;
      this.#looksLeft = 1;
      this.#goOn(performance.now());
    } else if (--this.#looksLeft === 0) {
      this.#pauses = Math.min(2 * this.#pauses, longestPauses);
      this.#looksLeft = this.#pauses;
      this.#tryToWrite();
    }
    if (this.#runs.length > 0) this.#timer ??= setTimeout(() => this.#look(), this.#everyMs).unref();
  }

  #goOn(now: number): void {
    const runs = this.#runs;
    this.#runs = runs.filter(({ notBefore }) => notBefore > now);
    for (const [id, { at }] of this.#times) {
      if (now - at > forgottenAfter * this.#everyMs) this.#times.delete(id);
    }
    for (const run of runs) if (run.notBefore <= now) this.#options.goOn(run);
  }

  #tryToWrite(): void {
    const { tryToWrite, goOn } = this.#options;
    const first = tryToWrite === undefined && this.#runs.shift();
    if (first) goOn(first);
    else tryToWrite?.();
  }
}
