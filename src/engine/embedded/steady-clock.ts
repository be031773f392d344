export interface SteadyClockOptions {
  /** Milliseconds since the epoch, which somebody may set. Default: the system's clock. */
  readonly wall?: () => number;
  /** Milliseconds since any moment, which nobody sets. Default: `performance.now`. */
  readonly monotonic?: () => number;
  /** Called when the wall clock was set back, with how far it is behind now. */
  readonly onSetBack?: (behindMs: number) => void;
}

/** A clock is kept right in steps of less than this, which are followed. */
const toleranceMs = 1_000;

/**
 * The wall clock, but for the time after it was set back: then this one goes on from where it was, so that what waits does
 * not wait for as much longer. It follows a clock that is set forward, which is also how time that a machine slept appears.
 */
export function steadyClock(options: SteadyClockOptions = {}): () => number {
  const { wall = Date.now, monotonic = () => performance.now(), onSetBack } = options;
  let last = wall();
  let lastAt = monotonic();
  let toldMs = toleranceMs;
  return () => {
    const [now, at] = [wall(), monotonic()];
    const steady = last + (at - lastAt);
    const behindMs = steady - now;
    lastAt = at;
    last = behindMs > toleranceMs ? steady : now;
    if (behindMs <= toleranceMs) toldMs = toleranceMs;
    else if (behindMs > toldMs) {
      toldMs = behindMs + toleranceMs;
      onSetBack?.(Math.round(behindMs));
    }
    return Math.floor(last);
  };
}
