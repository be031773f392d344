/** What stands in a queue: the smallest rank first, and among equals the one that came first. */
export interface Ranked {
  readonly rank: number;
}

interface Entry<T> {
  readonly item: T;
  /** The order of arrival. */
  readonly arrival: number;
}

/** A binary heap. Items that come in the order of their ranks, as most do, cost nothing to add. */
export class RankedQueue<T extends Ranked> {
  readonly #heap: Entry<T>[] = [];
  #arrivals = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(item: T): void {
    this.#heap.push({ item, arrival: this.#arrivals++ });
    this.#rise(this.#heap.length - 1);
  }

  /** Takes out the first. */
  take(): T | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink();
    }
    return first.item;
  }

  #rise(index: number): void {
    for (let at = index; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(at, above)) return;
      this.#swap(at, above);
      at = above;
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      if (left >= this.#heap.length) return;
      const below = right < this.#heap.length && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(below, at)) return;
      this.#swap(at, below);
      at = below;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#heap[one]!;
    const b = this.#heap[other]!;
    return a.item.rank === b.item.rank ? a.arrival < b.arrival : a.item.rank < b.item.rank;
  }

  #swap(one: number, other: number): void {
    const kept = this.#heap[one]!;
    this.#heap[one] = this.#heap[other]!;
    this.#heap[other] = kept;
  }
}
