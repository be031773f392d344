import type { FastifyReply } from 'fastify';
import { SignalboxError } from '../core/errors.ts';
import type { Quota, RateLimit, RateLimits } from '../store/rate-limits.ts';
import { policyField, quotaField } from './rate-limit.ts';

/** The limits of the senders' routes: one for each source system, one for each key. */
export interface Quotas {
  /** Counts a request; throws `rate_limited`. Says in the header fields what is left. */
  takeForSource(
    reply: FastifyReply,
    key: { readonly name: string } | undefined,
    sourceSystem: string,
  ): Promise<void>;
  /** Counts a webhook, against the limit of its source where it has one of its own. */
  takeForWebhook(reply: FastifyReply, source: string, own: RateLimit | undefined): Promise<void>;
  /** Counts a question of a vendor, which comes unsigned: apart from the webhooks of its source, so that it takes none of theirs. */
  takeForHandshake(reply: FastifyReply, source: string): Promise<void>;
}

export function createQuotas(limit: RateLimit | null, limits: RateLimits): Quotas {
  const takeForWebhook = webhookQuota(limit, limits);
  const takeForHandshake = handshakeQuota(limits);
  if (limit === null) return { takeForSource: async () => {}, takeForWebhook, takeForHandshake };
  const policies = { source: policyField('source', limit), key: policyField('key', limit) };
  return {
    async takeForSource(reply, key, sourceSystem) {
      const ofKey = key && (await limits.take(`key ${key.name}`, limit));
      const ofSource =
        ofKey?.allowed === false ? undefined : await limits.take(`source ${sourceSystem}`, limit);
      const policy = [ofSource && policies.source, ofKey && policies.key].filter(Boolean).join(', ');
      const left = [ofSource && quotaField('source', ofSource), ofKey && quotaField('key', ofKey)];
      reply.header('ratelimit-policy', policy).header('ratelimit', left.filter(Boolean).join(', '));
      if (ofKey?.allowed === false) throw rateLimited(`API key "${key?.name}"`, limit, ofKey);
      if (ofSource?.allowed === false) throw rateLimited('source system', limit, ofSource);
    },
    takeForWebhook,
    takeForHandshake,
  };
}

/** Of each source; vendors ask once, or once an hour. */
const handshakeLimit: RateLimit = { count: 60, windowMs: 60_000 };

function handshakeQuota(limits: RateLimits): Quotas['takeForHandshake'] {
  return async (reply, source) => {
    const quota = await limits.take(`handshakes ${source}`, handshakeLimit);
    reply
      .header('ratelimit-policy', policyField('handshake', handshakeLimit))
      .header('ratelimit', quotaField('handshake', quota));
    if (!quota.allowed) throw rateLimited('handshake', handshakeLimit, quota);
  };
}

function webhookQuota(limit: RateLimit | null, limits: RateLimits): Quotas['takeForWebhook'] {
  return async (reply, source, own) => {
    const used = own ?? limit;
    if (used === null) return;
    const quota = await limits.take(`webhooks ${source}`, used);
    reply
      .header('ratelimit-policy', policyField('source', used))
      .header('ratelimit', quotaField('source', quota));
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
