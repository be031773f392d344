import type { Execution } from './execution.ts';

/** Waiting runs that stay in memory at most. */
const restingLimit = 1_000;
const sweepEveryMs = 250;

/** The runs in memory. One that waits stays there for a moment, in case that it soon goes on, and then is on disk alone. */
export class Residents {
  readonly #all = new Map<number, Execution>();
  readonly #resting = new Map<number, Execution>();
  readonly #restingMs: number;
  readonly #clock: () => number;
  readonly #sweeper: NodeJS.Timeout;

  constructor(restingMs: number, clock: () => number) {
    this.#restingMs = restingMs;
    this.#clock = clock;
    this.#sweeper = setInterval(() => this.#evict(), sweepEveryMs).unref();
  }

  get count(): number {
    return this.#all.size;
  }

  /** How many have something under way. */
  get busyCount(): number {
    let busy = 0;
    for (const execution of this.#all.values()) if (execution.isBusy) busy += 1;
    return busy;
  }

  /** How many of a version execute. */
  activeCount(flow: string, version: number): number {
    let active = 0;
    for (const execution of this.#all.values()) {
      if (execution.state !== 'active' || execution.flow.name !== flow) continue;
      if (execution.flow.version === version) active += 1;
    }
    return active;
  }

  /** Those that execute. */
  activeIds(): number[] {
    return [...this.#all.values()].filter(({ state }) => state === 'active').map(({ id }) => id);
  }

  changedFromOutside(): Execution[] {
    return [...this.#all.values()].filter(({ writes }) => writes.isChangedFromOutside);
  }

  get(id: number): Execution | undefined {
    return this.#all.get(id);
  }

  add(execution: Execution): void {
    this.#all.set(execution.id, execution);
  }

  /** Notes that a run waits. */
  rest(execution: Execution): void {
    this.#resting.set(execution.id, execution);
    if (this.#restingMs === 0 || this.#resting.size > restingLimit) this.#evict();
  }

  /** Lets a run that waits go on. */
  resume(execution: Execution): void {
    this.#resting.delete(execution.id);
    execution.resume();
  }

  /** Drops a run from memory. */
  forget(execution: Execution, reason: Error): void {
    execution.drop(reason);
    this.#all.delete(execution.id);
    this.#resting.delete(execution.id);
  }

  forgetAll(reason: Error): void {
    for (const execution of [...this.#all.values()]) this.forget(execution, reason);
  }

  /** Evicts no more. */
  stop(): void {
    clearInterval(this.#sweeper);
  }

  #evict(): void {
    const before = this.#clock() - this.#restingMs;
    for (const execution of this.#resting.values()) {
      if (execution.restingSince > before && this.#resting.size <= restingLimit) return;
      this.#resting.delete(execution.id);
      if (execution.state === 'resting') this.forget(execution, new Error('The run waits on disk.'));
    }
  }
}
