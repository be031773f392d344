import type { RecordedEvent, WebhookType } from '../events.ts';
import { add, addWritten, type Histogram, HistogramSum, slotOf, write } from './histogram.ts';

const minuteMs = 60_000;

/** The lengths that are counted for; each is made of whole ones of those before it. */
export const periods = [minuteMs, 5 * minuteMs, 60 * minuteMs, 1_440 * minuteMs] as const;

/** The conversations of one type that were completed in one period. */
export interface Tally {
  readonly periodMs: number;
  /** Milliseconds since the epoch; a multiple of the period. */
  readonly start: number;
  readonly webhookType: WebhookType;
  delivered: number;
  failed: number;
  notConfigured: number;
  totalMs: number;
  leastMs: number;
  mostMs: number;
  readonly times: Histogram;
}

/** A tally as a store keeps it. */
export interface TallyRow {
  readonly period: number;
  readonly start: number;
  readonly webhook_type: WebhookType;
  readonly delivered: number;
  readonly failed: number;
  readonly not_configured: number;
  readonly total_ms: number;
  readonly least_ms: number;
  readonly most_ms: number;
  readonly times: string;
}

/**
 * Counts completions: each by the time of its event, in one tally for each length of period. A conversation that failed and was delivered when it
 * was started anew counts twice, each time as it was then, as in a search over log lines.
 */
export function tally(events: readonly RecordedEvent[]): Tally[] {
  const tallies = new Map<string, Tally>();
  for (const event of events) {
    if (event.type !== 'WEBHOOK_CONVERSATION_COMPLETED') continue;
    const { webhookType, deliveryStatus } = event.data;
    const totalTimeMs = Math.max(0, Math.round(event.data.totalTimeMs));
    for (const periodMs of periods) {
      const start = Math.floor(event.at / periodMs) * periodMs;
      const key = `${periodMs} ${start} ${webhookType}`;
      const found = tallies.get(key) ?? emptyTally(periodMs, start, webhookType);
      tallies.set(key, found);
      if (deliveryStatus === 'delivered') found.delivered++;
      else if (deliveryStatus === 'failed') found.failed++;
      else found.notConfigured++;
      found.totalMs += totalTimeMs;
      found.leastMs = Math.min(found.leastMs, totalTimeMs);
      found.mostMs = Math.max(found.mostMs, totalTimeMs);
      add(found.times, slotOf(totalTimeMs));
    }
  }
  return [...tallies.values()];
}

function emptyTally(periodMs: number, start: number, webhookType: WebhookType): Tally {
  const counts = { delivered: 0, failed: 0, notConfigured: 0 };
  const times = { totalMs: 0, leastMs: Number.MAX_SAFE_INTEGER, mostMs: 0, times: [] };
  return { periodMs, start, webhookType, ...counts, ...times };
}

/** Adds what a store has to a tally of the same period or of one that it is part of. */
export function addRow(to: Tally, row: TallyRow): void {
  to.delivered += row.delivered;
  to.failed += row.failed;
  to.notConfigured += row.not_configured;
  to.totalMs += row.total_ms;
  to.leastMs = Math.min(to.leastMs, row.least_ms);
  to.mostMs = Math.max(to.mostMs, row.most_ms);
  addWritten(to.times, row.times);
}

export function toRow(of: Tally): TallyRow {
  return {
    period: of.periodMs,
    start: of.start,
    webhook_type: of.webhookType,
    delivered: of.delivered,
    failed: of.failed,
    not_configured: of.notConfigured,
    total_ms: of.totalMs,
    least_ms: of.leastMs,
    most_ms: of.mostMs,
    times: write(of.times),
  };
}

/** What is known of the completions of one bucket. Durations are in milliseconds; percentiles are within 0.8 %. */
export interface Statistics {
  readonly start: number;
  readonly count: number;
  readonly averageMs: number;
  readonly minimumMs: number;
  readonly maximumMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly byType: readonly TypeStatistics[];
}

export interface TypeStatistics {
  readonly webhookType: WebhookType;
  readonly count: number;
  readonly delivered: number;
  readonly failed: number;
  readonly notConfigured: number;
}

interface Bucket {
  readonly start: number;
  totalMs: number;
  leastMs: number;
  mostMs: number;
  readonly types: Map<WebhookType, { -readonly [Name in keyof TypeStatistics]: TypeStatistics[Name] }>;
}

/** Sums up rows by bucket. It is given them piece by piece, in the order of their start. */
export class BucketSums {
  readonly #bucketMs: number;
  readonly #from: number;
  readonly #times = new HistogramSum();
  readonly #done: Statistics[] = [];
  #bucket: Bucket | undefined;

  constructor({ bucketMs, from }: { readonly bucketMs: number; readonly from: number }) {
    this.#bucketMs = bucketMs;
    this.#from = from;
  }

  add(rows: readonly TallyRow[]): void {
    for (const row of rows) {
      const bucket = this.#bucketAt(row.start);
      bucket.totalMs += row.total_ms;
      bucket.leastMs = Math.min(bucket.leastMs, row.least_ms);
      bucket.mostMs = Math.max(bucket.mostMs, row.most_ms);
      addType(bucket, row);
      this.#times.add(row.times);
    }
  }

  /** Buckets in which something was completed, in their order. Nothing is added after that. */
  statistics(): Statistics[] {
    this.#end();
    return this.#done;
  }

  #bucketAt(at: number): Bucket {
    const start = this.#from + Math.floor((at - this.#from) / this.#bucketMs) * this.#bucketMs;
    if (this.#bucket?.start === start) return this.#bucket;
    this.#end();
    const times = { totalMs: 0, leastMs: Number.MAX_SAFE_INTEGER, mostMs: 0 };
    this.#bucket = { start, ...times, types: new Map() };
    return this.#bucket;
  }

  #end(): void {
    if (this.#bucket === undefined) return;
    this.#done.push(statisticsOf(this.#bucket, this.#times));
    this.#bucket = undefined;
    this.#times.clear();
  }
}

function addType({ types }: Bucket, row: TallyRow): void {
  const { webhook_type: webhookType, delivered, failed, not_configured: notConfigured } = row;
  const sum = types.get(webhookType) ?? { webhookType, count: 0, delivered: 0, failed: 0, notConfigured: 0 };
  types.set(webhookType, sum);
  sum.count += delivered + failed + notConfigured;
  sum.delivered += delivered;
  sum.failed += failed;
  sum.notConfigured += notConfigured;
}

function statisticsOf({ start, totalMs, leastMs, mostMs, types }: Bucket, times: HistogramSum): Statistics {
  const byType = [...types.values()].sort((one, other) => (one.webhookType < other.webhookType ? -1 : 1));
  const count = byType.reduce((sum, each) => sum + each.count, 0);
  const bounds = { least: leastMs, most: mostMs };
  const [p50Ms, p95Ms, p99Ms] = times.percentiles([0.5, 0.95, 0.99], bounds);
  return {
    ...{ start, count, averageMs: totalMs / count, minimumMs: leastMs, maximumMs: mostMs },
    ...{ p50Ms: p50Ms!, p95Ms: p95Ms!, p99Ms: p99Ms!, byType },
  };
}
