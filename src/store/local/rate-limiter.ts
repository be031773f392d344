import type { RateLimit } from '../../core/rate-limit.ts';
import type { Quota } from '../rate-limits.ts';

interface Window {
  startedAt: number;
  used: number;
}

/** How many names have a window of their own at once; the others share one. */
const nameLimit = 100_000;

/**
 * Counts requests by name, exactly. Memory is bounded: windows lie in the order in which they began, so that those which have
 * ended are dropped from the front; while all places are taken by windows that have not, further names share one
 * window. No live window is ever dropped: a flood of invented names cannot reset anybody's count, its own included.
 */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #nameLimit: number;
  readonly #windows = new Map<string, Window>();
  #shared: Window = { startedAt: Number.NEGATIVE_INFINITY, used: 0 };

  constructor(limit: RateLimit, names = nameLimit) {
    this.#limit = limit;
    this.#nameLimit = names;
  }

  get size(): number {
    return this.#windows.size;
  }

  /** Counts a request; one that is not allowed uses nothing. */
  take(name: string, now: number): Quota {
    const window = this.#windowOf(name, now);
    const allowed = window.used < this.#limit.count;
    if (allowed) window.used++;
    const resetMs = Math.max(0, window.startedAt + this.#limit.windowMs - now);
    return { allowed, remaining: this.#limit.count - window.used, resetMs };
  }

  #windowOf(name: string, now: number): Window {
    const known = this.#windows.get(name);
    if (known !== undefined && !this.#ended(known, now)) return known;
    if (known !== undefined) this.#windows.delete(name);
    this.#dropEnded(now);
    if (this.#windows.size >= this.#nameLimit) return this.#sharedWindow(now);
    const window = { startedAt: now, used: 0 };
    this.#windows.set(name, window);
    return window;
  }

  #sharedWindow(now: number): Window {
    if (this.#ended(this.#shared, now)) this.#shared = { startedAt: now, used: 0 };
    return this.#shared;
  }

  #dropEnded(now: number): void {
    for (const [name, window] of this.#windows) {
      if (!this.#ended(window, now)) return;
      this.#windows.delete(name);
    }
  }

  #ended(window: Window, now: number): boolean {
    return now >= window.startedAt + this.#limit.windowMs || now < window.startedAt;
  }
}
