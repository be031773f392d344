import type { RateLimits } from '../rate-limits.ts';
import { RateLimiter } from './rate-limiter.ts';

/** For one process. `clock` gives milliseconds since the epoch. */
export function createLocalRateLimits(clock: () => number = Date.now): RateLimits {
  const limiters = new Map<string, RateLimiter>();
  return {
    async take(name, limit) {
      const policy = `${limit.count}/${limit.windowMs}`;
      const limiter = limiters.get(policy) ?? new RateLimiter(limit);
      limiters.set(policy, limiter);
      return limiter.take(name, clock());
    },
  };
}
