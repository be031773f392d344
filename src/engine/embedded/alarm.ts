// The clock may be set forward or back, and setTimeout overflows after 24.8 days: no single wait is longer.
const lookAgainMs = 1_000;

/** One timer for the earliest of many times; never early, and right again after the clock was moved. */
export class Alarm {
  readonly #ring: () => void;
  readonly #clock: () => number;
  #dueAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(ring: () => void, clock: () => number) {
    this.#ring = ring;
    this.#clock = clock;
  }

  /** Rings at `dueAt` (milliseconds since the epoch) unless an earlier time is set already. */
  setNoLaterThan(dueAt: number): void {
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    this.#arm();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const leftMs = Math.max(0, this.#dueAt - this.#clock());
    this.#timer = setTimeout(() => this.#check(), Math.min(leftMs, lookAgainMs));
  }

  #check(): void {
    if (this.#clock() < this.#dueAt) {
      this.#arm();
      return;
    }
    this.clear();
    this.#ring();
  }
}
