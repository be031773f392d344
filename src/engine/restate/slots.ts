interface Slot {
  readonly begin: () => void;
  state: 'waiting' | 'taken' | 'released';
}

/** So many at once; who comes first has the next slot. It depends on nothing but the order of the calls. */
export class Slots {
  readonly #waiting: Slot[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Calls `begin`, at once or when a slot is free; returns how to give the slot back, or to wait no longer. */
  take(begin: () => void): () => void {
    const slot: Slot = { begin, state: 'waiting' };
    this.#waiting.push(slot);
    this.#fill();
    return () => this.#release(slot);
  }

  #release(slot: Slot): void {
    if (slot.state === 'taken') this.#free += 1;
    slot.state = 'released';
    this.#fill();
  }

  #fill(): void {
    while (this.#free > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next.state !== 'waiting') continue;
      this.#free -= 1;
      next.state = 'taken';
      next.begin();
    }
  }
}
