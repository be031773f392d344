import type { Execution } from './execution.ts';

export interface StalledOptions {
  /** Lets a run go on from what is in its journal. */
  readonly goOn: (execution: Execution) => void;
  /** Whether what was written last could be. */
  readonly canWrite: () => boolean;
  /** Before the first look, and between looks. Default: 1,000. */
  readonly everyMs?: number;
}

const longestPauses = 30;

/**
 * Runs whose journal could not be written. What they did since must be done again, an agent asked and a receiver sent to; so while
 * nothing can be written one of them alone tries, after 1, 2, 4 … 30 s, and all go on once anything could be.
 */
export class Stalled {
  readonly #options: Required<StalledOptions>;
  #runs: Execution[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Looks until one tries, and how many it was made to wait for. */
  #looksLeft = 1;
  #pauses = 1;

  constructor({ everyMs = 1_000, ...options }: StalledOptions) {
    this.#options = { everyMs, ...options };
  }

  add(execution: Execution): void {
    this.#runs.push(execution);
    this.#timer ??= setTimeout(() => this.#look(), this.#options.everyMs).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const { canWrite, goOn, everyMs } = this.#options;
    if (canWrite()) {
      this.#pauses = 1;
      this.#looksLeft = 1;
      for (const execution of this.#runs.splice(0)) goOn(execution);
    } else if (--this.#looksLeft === 0) {
      this.#pauses = Math.min(2 * this.#pauses, longestPauses);
      this.#looksLeft = this.#pauses;
      const first = this.#runs.shift();
      if (first) goOn(first);
    }
    if (this.#runs.length > 0) this.#timer ??= setTimeout(() => this.#look(), everyMs).unref();
  }
}
