/** Who waits in this process for runs to end or to be paused. */
export class Endings {
  readonly #listeners = new Map<number, Set<() => void>>();

  /** Calls `listener` once when the run has ended or is paused; returns how to stop waiting. */
  on(run: number, listener: () => void): () => void {
    const listeners = this.#listeners.get(run) ?? new Set();
    this.#listeners.set(run, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(run);
    };
  }

  tell(run: number): void {
    const listeners = this.#listeners.get(run);
    if (listeners === undefined) return;
    this.#listeners.delete(run);
    for (const listener of listeners) listener();
  }
}
