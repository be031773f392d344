import type { FastifyReply } from 'fastify';
import type { ApiKey } from '../core/api-keys.ts';
import { SignalboxError } from '../core/errors.ts';
import { policyField, type Quota, quotaField, type RateLimit, RateLimiter } from './rate-limit.ts';

/** The limits of the senders' routes: one for each source system, one for each key. */
export interface Quotas {
  /** Counts a request; throws `rate_limited`. Says in the header fields what is left. */
  takeForSource(reply: FastifyReply, key: ApiKey | undefined, sourceSystem: string): void;
  /** Counts a webhook, against the limit of its source where it has one of its own. */
  takeForWebhook(reply: FastifyReply, source: string, own: RateLimit | undefined): void;
}

export function createQuotas(limit: RateLimit | null, clock: () => number): Quotas {
  const takeForWebhook = webhookQuota(limit, clock);
  if (limit === null) return { takeForSource: () => {}, takeForWebhook };
  const sources = new RateLimiter(limit);
  const keys = new RateLimiter(limit);
  const policies = { source: policyField('source', limit), key: policyField('key', limit) };
  return {
    takeForSource(reply, key, sourceSystem) {
      const now = clock();
      const ofKey = key && keys.take(key.name, now);
      const ofSource = ofKey?.allowed === false ? undefined : sources.take(sourceSystem, now);
      const policy = [ofSource && policies.source, ofKey && policies.key].filter(Boolean).join(', ');
      const left = [ofSource && quotaField('source', ofSource), ofKey && quotaField('key', ofKey)];
      reply.header('ratelimit-policy', policy).header('ratelimit', left.filter(Boolean).join(', '));
      if (ofKey?.allowed === false) throw rateLimited(`API key "${key?.name}"`, limit, ofKey);
      if (ofSource?.allowed === false) throw rateLimited('source system', limit, ofSource);
    },
    takeForWebhook,
  };
}

function webhookQuota(limit: RateLimit | null, clock: () => number): Quotas['takeForWebhook'] {
  const limiters = new Map<string, RateLimiter>();
  return (reply, source, own) => {
    const used = own ?? limit;
    if (used === null) return;
    const policy = policyField('source', used);
    const limiter = limiters.get(policy) ?? new RateLimiter(used);
    limiters.set(policy, limiter);
    const quota = limiter.take(source, clock());
    reply.header('ratelimit-policy', policy).header('ratelimit', quotaField('source', quota));
    if (!quota.allowed) throw rateLimited('source', used, quota);
  };
}

function rateLimited(whose: string, limit: RateLimit, quota: Quota): SignalboxError {
  const seconds = Math.max(1, Math.ceil(quota.resetMs / 1_000));
  return new SignalboxError(
    'rate_limited',
    `This ${whose} has sent ${limit.count} requests within ${limit.windowMs / 1_000} s, which is the limit. Send again in ${seconds} s.`,
    { retryAfterMs: quota.resetMs },
  );
}
