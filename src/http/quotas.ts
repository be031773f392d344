import type { FastifyReply } from 'fastify';
import { SignalboxError } from '../core/errors.ts';
import type { RateLimit } from '../core/rate-limit.ts';
import type { Quota, RateLimits } from '../store/rate-limits.ts';
import { policyField, quotaField } from './rate-limit.ts';

/**
 * The limits of the senders' routes: one for each key, and one for each source system of a key, so that no key uses up what another one
 * sends for a system of the same name.
 */
export interface Quotas {
  /** Counts a request, by its events where it brings several; throws `rate_limited`. Says in the header fields what is left. */
  takeForSource(
    reply: FastifyReply,
    key: { readonly name: string } | undefined,
    sourceSystem: string,
    events?: number,
  ): Promise<void>;
  /** The same for a webhook, against the limit of its source where it has one of its own. */
  takeForWebhook(
    reply: FastifyReply,
    source: string,
    own: RateLimit | undefined,
    events?: number,
  ): Promise<void>;
  /** Counts a question of a vendor, which comes unsigned: apart from the webhooks of its source, so that it takes none of theirs. */
  takeForHandshake(reply: FastifyReply, source: string): Promise<void>;
}

export function createQuotas(limit: RateLimit | null, limits: RateLimits): Quotas {
  const takeForWebhook = webhookQuota(limit, limits);
  const takeForHandshake = handshakeQuota(limits);
  if (limit === null) return { takeForSource: async () => {}, takeForWebhook, takeForHandshake };
  const policies = { source: policyField('source', limit), key: policyField('key', limit) };
  return {
    async takeForSource(reply, key, sourceSystem, events = 1) {
      const ofKey = key && (await takeAll(limits, `key ${key.name}`, limit, events));
      const ofSource =
        ofKey?.allowed === false
          ? undefined
          : await takeAll(limits, bucketOf(key, sourceSystem), limit, events);
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

/** However a caller writes the name of its system. */
function bucketOf(key: { readonly name: string } | undefined, sourceSystem: string): string {
  return `source ${JSON.stringify([key?.name ?? null, sourceSystem.trim().toLowerCase()])}`;
}

/**
 * A place for each event, or what is left and no leave to go on. What is larger than the limit takes the whole of a window, or it could
 * never come.
 */
async function takeAll(limits: RateLimits, name: string, limit: RateLimit, events: number): Promise<Quota> {
  const places = Math.min(events, limit.count);
  if (places <= 1) return limits.take(name, limit);
  const quotas = await Promise.all(Array.from({ length: places }, () => limits.take(name, limit)));
  const remaining = Math.min(...quotas.map((quota) => quota.remaining));
  return quotas.find(({ allowed }) => !allowed) ?? { ...quotas[0]!, remaining };
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
  return async (reply, source, own, events = 1) => {
    const used = own ?? limit;
    if (used === null) return;
    const quota = await takeAll(limits, `webhooks ${source}`, used, events);
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
