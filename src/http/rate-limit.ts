import type { RateLimit } from '../core/rate-limit.ts';
import type { Quota } from '../store/rate-limits.ts';

/** The fields of draft-ietf-httpapi-ratelimit-headers: the policy, and what is left of it. */
export function policyField(policy: string, limit: RateLimit): string {
  return `"${policy}";q=${limit.count};w=${Math.ceil(limit.windowMs / 1_000)}`;
}

export function quotaField(policy: string, quota: Quota): string {
  return `"${policy}";r=${quota.remaining};t=${Math.ceil(quota.resetMs / 1_000)}`;
}
