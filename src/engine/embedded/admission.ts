import { TurnBudget } from './turn-budget.ts';

/**
 * Who may execute next. Each flow has a queue, first in, first out, and a limit of runs that execute at once; flows with
 * work take turns, so that a flood of one never keeps another from its turn.
 */

export interface Ticket {
  /** The number of the run. */
  readonly id: number;
  readonly flow: string;
}

interface FlowQueue<T> {
  readonly limit: number;
  tickets: T[];
  head: number;
  running: number;
}

export class Admission<T extends Ticket> {
  readonly #queues = new Map<string, FlowQueue<T>>();
  readonly #order: FlowQueue<T>[] = [];
  readonly #limit: number;
  readonly #admit: (ticket: T) => void;
  #turn = 0;
  #running = 0;
  #queued = 0;
  readonly #turns = new TurnBudget();
  #closed = false;

  /** `limit` is for all flows together; `admit` is called for each ticket whose turn it is. */
  constructor(limit: number, admit: (ticket: T) => void) {
    this.#limit = limit;
    this.#admit = admit;
  }

  get queued(): number {
    return this.#queued;
  }

  get running(): number {
    return this.#running;
  }

  /** How many more runs of a flow may execute now. */
  room(flow: string): number {
    const queue = this.#queues.get(flow);
    if (queue === undefined) return 0;
    return Math.max(0, Math.min(this.#limit - this.#running, queue.limit - queue.running));
  }

  addFlow(name: string, limit: number): void {
    const queue: FlowQueue<T> = { limit, tickets: [], head: 0, running: 0 };
    this.#queues.set(name, queue);
    this.#order.push(queue);
  }

  enqueue(ticket: T): void {
    const queue = this.#queues.get(ticket.flow)!;
    queue.tickets.push(ticket);
    this.#queued += 1;
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
    while (!this.#closed && this.#running < this.#limit && this.#turns.hasRoom) {
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
      if (queue.head === queue.tickets.length || queue.running >= queue.limit) continue;
      const ticket = queue.tickets[queue.head]!;
      queue.head += 1;
      if (queue.head > 1_000 && queue.head * 2 > queue.tickets.length) compact(queue);
      queue.running += 1;
      this.#running += 1;
      this.#queued -= 1;
      return ticket;
    }
    return undefined;
  }
}

function compact<T>(queue: FlowQueue<T>): void {
  queue.tickets = queue.tickets.slice(queue.head);
  queue.head = 0;
}
