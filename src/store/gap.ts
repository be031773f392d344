/** A projection that is so many events behind begins with the newest of them, if it may look at events in any order and twice. */
export const defaultLeapEvents = 50_000;

/** How many events are looked at in one piece, and from where on a projection is far behind. */
export interface Extent {
  readonly limit: number;
  readonly leapEvents: number;
}
