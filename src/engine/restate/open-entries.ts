import { RestatePromise, type TerminalError } from '@restatedev/restate-sdk';

/** What an entry of the journal ended with. */
export interface Arrival {
  readonly value?: unknown;
  readonly failure?: TerminalError;
}

interface Ended extends Arrival {
  readonly id: number;
}

interface OpenEntry {
  readonly ended: RestatePromise<Ended>;
  readonly arrived: (arrival: Arrival) => void | Promise<void>;
}

/**
 * The entries of the journal that a run waits for. They are awaited together, never one by one: of several that have ended
 * Restate names the one that ended first in the journal, which is the same at every replay.
 */
export class OpenEntries {
  readonly #entries = new Map<number, OpenEntry>();
  #nextId = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Calls `arrived` when the entry has ended and its turn has come; returns how to stop waiting for it. */
  add<T>(entry: RestatePromise<T>, arrived: (arrival: Arrival) => void | Promise<void>): () => void {
    const id = this.#nextId++;
    const ended = entry.map((value, failure): Ended => ({ id, value, ...(failure && { failure }) }));
    this.#entries.set(id, { ended, arrived });
    return () => void this.#entries.delete(id);
  }

  /** Waits for the entry that ends next, and handles it. */
  async next(): Promise<void> {
    const ended = await RestatePromise.race([...this.#entries.values()].map((entry) => entry.ended));
    const entry = this.#entries.get(ended.id);
    this.#entries.delete(ended.id);
    await entry?.arrived(ended);
  }
}
