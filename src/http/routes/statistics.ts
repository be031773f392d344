import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import type { BucketRange } from '../../record/statistics/remembered.ts';
import { periods, type Statistics, type TypeStatistics } from '../../record/statistics/statistics.ts';
import { timesOf } from '../conversation-filter.ts';
import type { AppPorts } from '../ports.ts';
import { statisticsShape } from '../shapes/record.ts';

const statsQuery = Type.Object(
  {
    bucket: Type.Optional(Type.String({ maxLength: 10, description: 'Such as 5m, 1h or 1d; default 5m.' })),
    from: Type.Optional(Type.String({ maxLength: 40, description: 'Default: a day before `to`.' })),
    to: Type.Optional(Type.String({ maxLength: 40 })),
  },
  { additionalProperties: false },
);

const schema = {
  summary: 'Count completed conversations, their times and deliveries, per bucket of time',
  querystring: statsQuery,
  response: { 200: statisticsShape },
};

interface StatsQuery {
  readonly bucket?: string;
  readonly from?: string;
  readonly to?: string;
}

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const dayMs = 86_400_000;
const bucketsAtMost = 1_500;
/** Of the periods that buckets are made of. */
const periodsAtMost = 10_000;

/** `GET /conversations/stats`: what was completed, how long it took and whether it was delivered, per bucket of time. */
export function registerStatistics(app: FastifyInstance, { store, options }: AppPorts): void {
  const clock = options.clock ?? Date.now;
  app.get<{ Querystring: StatsQuery }>('/conversations/stats', { schema }, async (request) => {
    const range = rangeOf(request.query, clock());
    const [buckets, states] = await Promise.all([store.statistics(range), store.projections()]);
    return {
      success: true,
      bucket_seconds: range.bucketMs / 1_000,
      from: new Date(range.from).toISOString(),
      to: new Date(range.to).toISOString(),
      buckets: buckets.map(bucketToWire),
      behind: states.find((state) => state.name === 'statistics')!.behind,
    };
  });
}

/** Whole buckets around the times that are asked for: the last 24 hours without any. Throws `invalid_request`. */
function rangeOf(query: StatsQuery, now: number): BucketRange {
  const bucketMs = bucketOf(query.bucket ?? '5m');
  const { from: first, to: last = now } = timesOf(query);
  if (first !== undefined && first >= last) throw refused('from', 'is not before `to`');
  const from = Math.floor((first ?? last - dayMs) / bucketMs) * bucketMs;
  const to = Math.ceil(last / bucketMs) * bucketMs;
  const periodMs = periods.findLast((period) => bucketMs % period === 0)!;
  if ((to - from) / bucketMs > bucketsAtMost || (to - from) / periodMs > periodsAtMost) {
    const most = Math.min(bucketsAtMost, Math.floor((periodsAtMost * periodMs) / bucketMs));
    throw refused(
      'bucket',
      `gives more than ${most} buckets of this length; ask for longer ones or for less time`,
    );
  }
  return { bucketMs, from, to };
}

function bucketOf(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,4})([mhd])$/.exec(text) ?? [];
  const bucketMs = Number(count) * (unitsMs[unit ?? ''] ?? Number.NaN);
  if (bucketMs <= 31 * dayMs) return bucketMs;
  throw refused('bucket', 'is not a length such as 5m, 1h or 1d; at most 31d');
}

function refused(path: string, message: string): SignalboxError {
  const fields = [{ path, message }];
  return new SignalboxError('invalid_request', `The parameter ${path} ${message}.`, { fields });
}

function bucketToWire(bucket: Statistics) {
  const { averageMs, minimumMs: minimum, maximumMs: maximum, p50Ms, p95Ms, p99Ms } = bucket;
  const times = { average: tenths(averageMs), minimum, maximum, p50: p50Ms, p95: p95Ms, p99: p99Ms };
  const delivered = sum(bucket.byType, 'delivered');
  const failed = sum(bucket.byType, 'failed');
  return {
    start: new Date(bucket.start).toISOString(),
    count: bucket.count,
    total_time_ms: times,
    delivery_success_rate: rate(delivered, failed),
    types: Object.fromEntries(bucket.byType.map((type) => [type.webhookType, typeToWire(type)])),
  };
}

function typeToWire({ count, delivered, failed, notConfigured }: TypeStatistics) {
  const success = { delivery_success_rate: rate(delivered, failed) };
  return { count, delivered, failed, not_configured: notConfigured, ...success };
}

/** Of those that were to be delivered somewhere; null when there were none. */
const rate = (delivered: number, failed: number): number | null =>
  delivered + failed === 0 ? null : Math.round((delivered / (delivered + failed)) * 10_000) / 10_000;

const sum = (types: readonly TypeStatistics[], name: 'delivered' | 'failed'): number =>
  types.reduce((total, type) => total + type[name], 0);

const tenths = (value: number): number => Math.round(value * 10) / 10;
