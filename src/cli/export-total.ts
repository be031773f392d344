import type { Client } from './client.ts';
import type { Total } from './progress.ts';

export interface ExportRange {
  /** ISO-8601. */
  readonly from: string;
  readonly to: string;
}

const dayMs = 86_400_000;
/** The longest time that statistics are summed up for. */
const daysAtMost = 9_900;

/** How many conversations a time has; where there are more than the server counts, how many its statistics have. */
export async function totalOf(
  client: Pick<Client, 'call'>,
  range: ExportRange,
  now = Date.now(),
): Promise<Total> {
  const query = new URLSearchParams({ ...range, limit: '1', count: 'true' });
  const { total } = (await client.call('GET', `/conversations?${query}`)) as { readonly total: Total };
  return total.exact
    ? total
    : { count: Math.max(total.count, await completed(client, range, now)), exact: false };
}

async function completed(client: Pick<Client, 'call'>, { from, to }: ExportRange, now: number) {
  const last = Math.min(Date.parse(to), now + dayMs);
  const first = Math.max(Date.parse(from), last - daysAtMost * dayMs);
  const iso = (at: number) => new Date(at).toISOString();
  // Whole buckets are given, so short ones where there can be as many.
  const bucket = last - first < 1_400 * dayMs ? '1d' : '31d';
  const query = new URLSearchParams({ bucket, from: iso(first), to: iso(last) });
  const { buckets } = await client.call('GET', `/conversations/stats?${query}`);
  return (buckets as readonly { readonly count: number }[]).reduce((sum, { count }) => sum + count, 0);
}
