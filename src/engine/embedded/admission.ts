import { type Keyed, KeyPlaces } from './key-places.ts';
import { RankedQueue } from './ranked-queue.ts';
import { TurnBudget } from './turn-budget.ts';

/**
 * Who may execute next. Each flow has a queue and a limit of runs that execute at once; flows with work take turns, so that a
 * flood of one never keeps another from its turn. Within a flow the smallest rank goes first, and among equals the one that
 * came first; one whose key has no free place is passed over until it has.
 */

export interface Ticket extends Keyed {
  /** The number of the run. */
  readonly id: number;
  readonly flow: string;
}

interface FlowQueue<T extends Ticket> {
  readonly limit: number;
  /** Who stands in it; what lies in it without being here was taken out. */
  readonly waiting: Set<number>;
  readonly tickets: RankedQueue<T>;
  running: number;
}

export interface FlowLimits {
  readonly keyLimit?: number | undefined;
  readonly background?: boolean;
}

export class Admission<T extends Ticket> {
  readonly #queues = new Map<string, FlowQueue<T>>();
  readonly #order: FlowQueue<T>[] = [];
  readonly #limit: number;
  readonly #admit: (ticket: T) => void;
  #turn = 0;
  #running = 0;
  readonly #turns = new TurnBudget();
  readonly #keys = new KeyPlaces<T>();
  /** Who stands in a queue, by whether they count as work that waits. */
  readonly #waiting = { counted: new Set<number>(), background: new Set<number>() };
  #closed = false;
  #held = false;

  /** `limit` is for all flows together; `admit` is called for each ticket whose turn it is. */
  constructor(limit: number, admit: (ticket: T) => void) {
    this.#limit = limit;
    this.#admit = admit;
  }

  /** Those in the background are not counted. */
  get queued(): number {
    return this.#waiting.counted.size;
  }

  get inBackground(): number {
    return this.#waiting.background.size;
  }

  get running(): number {
    return this.#running;
  }

  /** How many more runs of a flow may surely execute now; of one with keys nobody knows before. */
  room(flow: string): number {
    const queue = this.#queues.get(flow);
    if (queue === undefined || this.#keys.limits(flow)) return 0;
    return Math.max(0, Math.min(this.#limit - this.#running, queue.limit - queue.running));
  }

  /** `keyLimit`: how many runs with one key may be under way. */
  addFlow(name: string, limit: number, { keyLimit, background = false }: FlowLimits = {}): void {
    const waiting = this.#waiting[background ? 'background' : 'counted'];
    const queue: FlowQueue<T> = { limit, waiting, tickets: new RankedQueue(), running: 0 };
    this.#queues.set(name, queue);
    this.#order.push(queue);
    if (keyLimit !== undefined) this.#keys.limitFlow(name, keyLimit);
  }

  enqueue(ticket: T): void {
    const queue = this.#queues.get(ticket.flow)!;
    queue.tickets.add(ticket);
    queue.waiting.add(ticket.id);
    this.#admitNext();
  }

  /** Gives the place of its key to a run that has begun already. */
  holdKey(run: { readonly id: number; readonly flow: string; readonly key: string }): void {
    this.#keys.hold(run);
  }

  /** Gives back the place of its key that a run may have; it has ended. */
  releaseKey(id: number): void {
    const next = this.#keys.release(id);
    if (next === undefined) return;
    this.#queues.get(next.flow)!.tickets.add(next);
    this.#admitNext();
  }

  /** Takes a run out of its queue, if it stands in one. */
  discard(id: number): void {
    this.#waiting.counted.delete(id);
    this.#waiting.background.delete(id);
  }

  /** Admits nobody until `proceed`, so that many who come at once are admitted by rank. */
  hold(): void {
    this.#held = true;
  }

  proceed(): void {
    this.#held = false;
    this.#admitNext();
  }

  /** Gives back the place of a run that has ended or rests. */
  release(flow: string): void {
    this.#queues.get(flow)!.running -= 1;
    this.#running -= 1;
    this.#admitNext();
  }

  /** Admits nothing more. */
  close(): void {
    this.#closed = true;
  }

  #admitNext(): void {
    while (!this.#closed && !this.#held && this.#running < this.#limit && this.#turns.hasRoom) {
      const ticket = this.#take();
      if (ticket === undefined) return;
      this.#turns.use(() => this.#admitNext());
      this.#admit(ticket);
    }
  }

  #take(): T | undefined {
    for (let looked = 0; looked < this.#order.length; looked++) {
      const queue = this.#order[this.#turn]!;
      this.#turn = (this.#turn + 1) % this.#order.length;
      if (queue.running >= queue.limit) continue;
      const ticket = this.#takeFrom(queue);
      if (ticket === undefined) continue;
      queue.running += 1;
      this.#running += 1;
      return ticket;
    }
    return undefined;
  }

  #takeFrom(queue: FlowQueue<T>): T | undefined {
    for (;;) {
      const ticket = queue.tickets.take();
      if (ticket === undefined) return undefined;
      if (!queue.waiting.has(ticket.id)) {
        const next = this.#keys.passOver(ticket);
        if (next !== undefined) queue.tickets.add(next);
      } else if (this.#keys.admit(ticket)) {
        queue.waiting.delete(ticket.id);
        return ticket;
      }
    }
  }
}
