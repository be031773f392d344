/** A projection that is so many events behind begins with the newest of them, if it may look at events in any order and twice. */
export const defaultLeapEvents = 50_000;

/** How many events are looked at in one piece, and from where on a projection is far behind. */
export interface Extent {
  readonly limit: number;
  readonly leapEvents: number;
}

/** What one piece reads at once, as it is stored, unless a single event is larger: a thread has only so much memory, and events may be of a megabyte. */
export const pieceBytes = 4 * 1024 * 1024;
