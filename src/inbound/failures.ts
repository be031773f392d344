/** What to say of a request that was refused: nothing, a sample, or that there are many. */
export type Notice = 'none' | 'sample' | 'spike';

const windowMs = 60_000;
const samples = 5;
const spike = 100;
const nameLimit = 10_000;

/**
 * Counts refused requests by source and decides which are worth a line: the first few of each minute, so that a flood
 * of forged requests fills no disk, and one for a minute with many.
 */
export class RefusedRequests {
  readonly #windows = new Map<string, { startedAt: number; count: number }>();

  count(source: string, nowMs: number): Notice {
    const window = this.#windowOf(source, nowMs);
    window.count++;
    if (window.count === spike) return 'spike';
    return window.count <= samples ? 'sample' : 'none';
  }

  #windowOf(source: string, nowMs: number) {
    const known = this.#windows.get(source);
    if (known !== undefined && nowMs - known.startedAt < windowMs) return known;
    if (this.#windows.size >= nameLimit) this.#windows.clear();
    const window = { startedAt: nowMs, count: 0 };
    this.#windows.set(source, window);
    return window;
  }
}
