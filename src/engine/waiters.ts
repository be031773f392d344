import type { Run } from './engine.ts';

const shortestMs = 20;
const longestMs = 500;

interface Bell {
  readonly promise: Promise<boolean>;
  cancel(): void;
}

/**
 * Who waits in this process for runs to end or to be paused. The engine does not tell: each asks again, more and more seldom, and
 * at once, and often for a while, when something of the run has ended here.
 */
export class Waiters {
  readonly #bells = new Map<string, Set<() => void>>();
  #stopped = false;

  /** `settled` gives the run once it has ended or is paused. */
  async wait(runId: string, settled: () => Promise<Run | undefined>, signal?: AbortSignal): Promise<Run> {
    signal?.throwIfAborted();
    for (let pauseMs = shortestMs; ; ) {
      const rung = this.#bell(runId, pauseMs, signal);
      const run = await settled().catch((error: unknown) => {
        rung.cancel();
        throw error;
      });
      if (run !== undefined) {
        rung.cancel();
        return run;
      }
      const isTold = await rung.promise;
      pauseMs = isTold ? shortestMs : Math.min(pauseMs * 1.5, longestMs);
      signal?.throwIfAborted();
      if (this.#stopped) return new Promise(() => {});
    }
  }

  tell(runId: string): void {
    for (const ring of this.#bells.get(runId) ?? []) ring();
  }

  stop(): void {
    this.#stopped = true;
    for (const runId of [...this.#bells.keys()]) this.tell(runId);
  }

  /** Resolves with whether something of the run has ended here. */
  #bell(runId: string, withinMs: number, signal?: AbortSignal): Bell {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const bells = this.#bells.get(runId) ?? new Set();
    this.#bells.set(runId, bells);
    const cancel = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', ring);
      bells.delete(ring);
      if (bells.size === 0) this.#bells.delete(runId);
    };
    const end = (isTold: boolean) => {
      cancel();
      resolve(isTold);
    };
    const ring = () => end(true);
    const timer = setTimeout(end, withinMs, false);
    signal?.addEventListener('abort', ring);
    bells.add(ring);
    return { promise, cancel };
  }
}
