import type { Lease, Leases } from '../leases.ts';

interface Held {
  fence: number;
  until: number;
}

/** For one process, which has the data to itself. `clock` gives milliseconds. */
export function createLocalLeases(clock: () => number = () => performance.now()): Leases {
  const leases = new Map<string, Held>();
  const lease = (held: Held, fence: number): Lease => ({
    fence,
    async renew(ttlMs) {
      if (held.fence === fence) held.until = clock() + ttlMs;
      return held.fence === fence;
    },
    async release(heldForMs = 0) {
      if (held.fence === fence) held.until = clock() + heldForMs;
    },
  });
  return {
    async take(name, ttlMs) {
      const held = leases.get(name) ?? { fence: 0, until: Number.NEGATIVE_INFINITY };
      if (held.until > clock()) return undefined;
      held.fence++;
      held.until = clock() + ttlMs;
      leases.set(name, held);
      return lease(held, held.fence);
    },
  };
}
