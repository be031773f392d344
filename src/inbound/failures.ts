import { createHash } from 'node:crypto';
import type { InboundRequest, Refusal } from './scheme.ts';

/** What to say of a request that was refused: nothing, a sample, or that there are many. */
export type Notice = 'none' | 'sample' | 'spike';

const windowMs = 60_000;
const dayMs = 24 * 3_600_000;
const samples = 5;
const samplesADay = 200;
const spike = 100;
const nameLimit = 10_000;

interface Window {
  startedAt: number;
  count: number;
  readonly day: { startedAt: number; samples: number };
}

/**
 * Counts refused requests by source and decides which are worth a line: the first few of each minute and of each day, so that a
 * flood of forged requests fills no disk, and one for a minute with many. What names no source of ours is counted as one.
 */
export class RefusedRequests {
  readonly #windows = new Map<string, Window>();

  count(source: string, nowMs: number): Notice {
    const window = this.#windowOf(source, nowMs);
    window.count++;
    if (window.count === spike) return 'spike';
    if (window.count > samples || window.day.samples >= samplesADay) return 'none';
    window.day.samples++;
    return 'sample';
  }

  #windowOf(source: string, nowMs: number): Window {
    const known = this.#windows.get(source) ?? this.#add(source, nowMs);
    if (nowMs - known.startedAt >= windowMs) Object.assign(known, { startedAt: nowMs, count: 0 });
    if (nowMs - known.day.startedAt >= dayMs) Object.assign(known.day, { startedAt: nowMs, samples: 0 });
    return known;
  }

  /** Sources that have been deleted are forgotten with the others, now and then. */
  #add(source: string, nowMs: number): Window {
    if (this.#windows.size >= nameLimit) this.#windows.clear();
    const window = { startedAt: nowMs, count: 0, day: { startedAt: nowMs, samples: 0 } };
    this.#windows.set(source, window);
    return window;
  }
}

export const spikeOf = { count: spike, windowMs } as const;

/** What may be kept of a request that was refused. */
export interface RefusedRequest {
  readonly because: Refusal | 'unknown_source' | 'invalid_input';
  /** The address that it came from. */
  readonly from: string;
  readonly method: string;
  /** Without its query, which may hold a secret. */
  readonly path: string;
  /** Every name; values only of those that hold no secret whoever sends them. */
  readonly headers: Readonly<Record<string, string | null>>;
  readonly bodySha256: string;
  readonly bodySizeBytes: number;
}

const shownHeaders: ReadonlySet<string> = new Set([
  ...['content-type', 'content-length', 'content-encoding', 'date', 'host', 'user-agent', 'via'],
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-request-id'],
  ...['webhook-id', 'webhook-timestamp', 'svix-id', 'svix-timestamp', 'x-event-type', 'idempotency-key'],
  ...['x-github-event', 'x-github-delivery', 'x-github-hook-id', 'x-slack-request-timestamp'],
  ...['x-shopify-topic', 'x-shopify-shop-domain', 'linear-event', 'linear-delivery'],
  ...['ce-id', 'ce-type', 'ce-source', 'ce-specversion', 'x-amz-sns-message-type', 'x-amz-sns-topic-arn'],
]);
const mostHeaders = 60;

export function refusedRequest(
  { method, url, headers, body }: InboundRequest,
  because: RefusedRequest['because'],
  from: string,
): RefusedRequest {
  const shown = Object.entries(headers)
    .slice(0, mostHeaders)
    .map(
      ([name, value]) => [name.slice(0, 100), shownHeaders.has(name) ? value!.slice(0, 200) : null] as const,
    );
  return {
    ...{ because, from, method, path: URL.parse(url)?.pathname.slice(0, 300) ?? '/' },
    headers: Object.fromEntries(shown),
    bodySha256: createHash('sha256').update(body).digest('hex'),
    bodySizeBytes: body.length,
  };
}
