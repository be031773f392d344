import type { RecordedEvent } from '../record/events.ts';

/** The part of the store that takes the content of conversations away. */
export interface Erasing {
  /**
   * Takes the content of a conversation out of its events, of what is projected from them and of the search, and puts on the record that it
   * was erased: all of it or nothing. What remains is that there was a conversation: ids, times, status. Again, it changes nothing.
   */
  erase(trackingId: string, erasure: Erasure): Promise<'erased' | 'not_complete' | 'unknown'>;

  /** Events with a greater sequence number that hold texts, in order, at most `limit`. */
  texts(afterSequence: number, limit: number): Promise<readonly RecordedEvent[]>;

  /** Sees to it that what was erased is not in what is free either: as far as the store can, and in the background. */
  settleErasures(): Promise<void>;
}

export interface Erasure {
  /** The run that does it. */
  readonly runId: string;
  /** Who asked for it. */
  readonly by: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}
