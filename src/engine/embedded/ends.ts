import type { KeptError } from '../kept-error.ts';
import type { Completion } from './call.ts';
import type { OperationRow } from './journal.ts';

/**
 * The durable ends of a run's operations on their way to the flow, in the order in which they became durable: those of the journal
 * first, then those that come while it executes.
 */
export class Ends {
  #waiting: Completion[];
  #taken = 0;
  #next: number;
  /** The ends before this one came with the journal. */
  readonly #firstLive: number;
  /** The sequence number of the end that reached the flow last. */
  last = -1;

  constructor(journal: readonly OperationRow[]) {
    this.#waiting = recordedEnds(journal);
    this.#next = (this.#waiting.at(-1)?.sequence ?? -1) + 1;
    this.#firstLive = this.#next;
  }

  /** The place of the next end in the order of ends; gaps are allowed. */
  takeSequence(): number {
    return this.#next++;
  }

  /** Whether an end came with the journal: it was committed before that was read, and is told of after it. */
  isRecorded({ sequence }: Completion): boolean {
    return sequence < this.#firstLive;
  }

  add(end: Completion): void {
    this.#waiting.push(end);
  }

  /** The next one for the flow. */
  get first(): Completion | undefined {
    return this.#waiting[this.#taken];
  }

  /** The first one has reached the flow. */
  take(): void {
    this.last = this.#waiting[this.#taken]!.sequence;
    this.#taken += 1;
    if (this.#taken < this.#waiting.length) return;
    this.#waiting = [];
    this.#taken = 0;
  }

  clear(): void {
    this.#waiting = [];
    this.#taken = 0;
  }
}

function recordedEnds(journal: readonly OperationRow[]): Completion[] {
  return journal
    .filter((row) => row.sequence !== null)
    .sort((a, b) => a.sequence! - b.sequence!)
    .map((row) => ({
      position: row.position,
      sequence: row.sequence!,
      endedAt: row.ended_at!,
      ...(row.error === null
        ? { value: row.result === null ? undefined : JSON.parse(row.result) }
        : { error: JSON.parse(row.error) as KeptError }),
    }));
}
