import type { RateLimit } from '../core/rate-limit.ts';

export interface Quota {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly resetMs: number;
}

/** Counts requests by name: those of all processes that share a store, together and exactly. */
export interface RateLimits {
  /**
   * Counts a request; one that is not allowed uses nothing. Names under different limits are different names. While the store that is
   * shared does not answer, each process counts alone.
   */
  take(name: string, limit: RateLimit): Promise<Quota>;
}
