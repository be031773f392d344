/** How many may go on at once, by name; who comes first has the next place. */
export class Permits {
  readonly #free = new Map<string, number>();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(limits: ReadonlyMap<string, number>) {
    for (const [name, limit] of limits) this.#free.set(name, limit);
  }

  get waiting(): number {
    let count = 0;
    for (const waiting of this.#waiting.values()) count += waiting.size;
    return count;
  }

  /** Waits for a place; it is given back, or waited for no longer, when `ended` is aborted. */
  async take(name: string, ended: AbortSignal): Promise<void> {
    if (ended.aborted) return;
    const free = this.#free.get(name) ?? 0;
    if (free > 0) this.#free.set(name, free - 1);
    else if (!(await this.#turn(name, ended))) return;
    ended.addEventListener('abort', () => this.#giveBack(name), { once: true });
  }

  #turn(name: string, ended: AbortSignal): Promise<boolean> {
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting);
    return new Promise((resolve) => {
      const go = () => {
        ended.removeEventListener('abort', leave);
        resolve(true);
      };
      const leave = () => {
        waiting.delete(go);
        resolve(false);
      };
      waiting.add(go);
      ended.addEventListener('abort', leave, { once: true });
    });
  }

  #giveBack(name: string): void {
    const waiting = this.#waiting.get(name);
    const [next] = waiting ?? [];
    if (next === undefined) this.#free.set(name, (this.#free.get(name) ?? 0) + 1);
    else {
      waiting!.delete(next);
      next();
    }
  }
}
