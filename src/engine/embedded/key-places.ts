import { type Ranked, RankedQueue } from './ranked-queue.ts';

/** A run that wants a place of its key, if it has one. */
export interface Keyed extends Ranked {
  readonly id: number;
  readonly flow: string;
  readonly key?: string;
}

interface Group<T extends Keyed> {
  readonly limit: number;
  readonly holders: Set<number>;
  readonly waiting: RankedQueue<T>;
}

/**
 * The places of concurrency keys: at most `limit` runs with one key of a flow are under way. A run takes a place when it begins and
 * holds it until it ends, also while it waits or is paused.
 */
export class KeyPlaces<T extends Keyed> {
  readonly #limits = new Map<string, number>();
  readonly #groups = new Map<string, Group<T>>();
  /** The group of each run that holds a place. */
  readonly #held = new Map<number, string>();

  limitFlow(flow: string, limit: number): void {
    this.#limits.set(flow, limit);
  }

  limits(flow: string): boolean {
    return this.#limits.has(flow);
  }

  /** Gives a place to a run that has begun already, whether or not one is free. */
  hold(run: { readonly id: number; readonly flow: string; readonly key: string }): void {
    this.#take(run.id, groupName(run.flow, run.key), this.#limits.get(run.flow) ?? 1);
  }

  /** Whether the run may begin: it has a place, or needs none. Otherwise it is kept until it is given back by `release`. */
  admit(ticket: T): boolean {
    if (ticket.key === undefined || this.#held.has(ticket.id)) return true;
    const limit = this.#limits.get(ticket.flow);
    if (limit === undefined) return true;
    const name = groupName(ticket.flow, ticket.key);
    const group = this.#groups.get(name);
    if (group === undefined || group.holders.size < group.limit) {
      this.#take(ticket.id, name, limit);
      return true;
    }
    group.waiting.add(ticket);
    return false;
  }

  /** Takes back the place of a run that has ended; returns the one that may have it. */
  release(id: number): T | undefined {
    const name = this.#held.get(id);
    if (name === undefined) return undefined;
    this.#held.delete(id);
    const group = this.#groups.get(name)!;
    group.holders.delete(id);
    const next = group.waiting.take();
    if (next === undefined && group.holders.size === 0) this.#groups.delete(name);
    return next;
  }

  /** Returns the one that may have the place which was meant for a run that has ended meanwhile. */
  passOver({ flow, key }: T): T | undefined {
    const name = key === undefined ? undefined : groupName(flow, key);
    const group = name === undefined ? undefined : this.#groups.get(name);
    if (group === undefined || group.holders.size >= group.limit) return undefined;
    const next = group.waiting.take();
    if (next === undefined && group.holders.size === 0) this.#groups.delete(name!);
    return next;
  }

  #take(id: number, name: string, limit: number): void {
    const group = this.#groups.get(name) ?? { limit, holders: new Set(), waiting: new RankedQueue<T>() };
    this.#groups.set(name, group);
    group.holders.add(id);
    this.#held.set(id, name);
  }
}

const groupName = (flow: string, key: string): string => `${flow}\n${key}`;
