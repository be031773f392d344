import type { Client } from './client.ts';
import type { Context } from './command.ts';
import { printNext, type Row, timeOf } from './rows.ts';
import { bold, dim, printJson, safe, table } from './terminal.ts';

type Part = { readonly text: string; readonly match: boolean };

export async function search(
  client: Client,
  parameters: URLSearchParams,
  context: Context,
  json: boolean,
): Promise<void> {
  const page = await client.call('GET', `/conversations/search?${parameters}`);
  if (json) return printJson(context, page);
  const rows = page.conversations as readonly Row[];
  if (rows.length === 0) context.write('Nothing found.\n');
  for (const row of rows) {
    const { question, answer } = row.highlights as Readonly<Record<string, readonly (readonly Part[])[]>>;
    context.write(
      `${dim(context, `${timeOf(row.received_at)}  ${safe(row.source_system)}  ${row.status}  ${row.tracking_id}`)}\n`,
    );
    if (question!.length === 0) context.write(`${safe(row.query_start)}\n`);
    for (const fragment of question!) context.write(`${shown(fragment, context)}\n`);
    for (const fragment of answer!) context.write(`  ${shown(fragment, context)}\n`);
  }
  printNext(context, page);
  if (page.behind !== 0) context.writeError(dim(context, `${page.behind} events are not searched yet\n`));
}

/** On one line, whatever lines the text had. */
function shown(fragment: readonly Part[], context: Context): string {
  const told = (text: string) => safe(text.replace(/\s+/g, ' '));
  return fragment.map(({ text, match }) => (match ? bold(context, told(text)) : told(text))).join('');
}

export async function stats(
  client: Client,
  parameters: URLSearchParams,
  context: Context,
  json: boolean,
): Promise<void> {
  const found = await client.call('GET', `/conversations/stats?${parameters}`);
  if (json) return printJson(context, found);
  const buckets = found.buckets as readonly Row[];
  if (buckets.length === 0) return context.write('Nothing was completed in that time.\n');
  const cells = buckets.map((bucket) => {
    const times = bucket.total_time_ms as Readonly<Record<string, number>>;
    const rate = bucket.delivery_success_rate as number | null;
    const start = String(bucket.start).slice(0, 16).replace('T', ' ');
    const delivered = rate === null ? '–' : `${(rate * 100).toFixed(1)} %`;
    return [
      ...[start, bucket.count, times.average, times.minimum, times.maximum],
      ...[times.p50, times.p95, times.p99, delivered],
    ];
  });
  const names = ['from', 'count', 'average', 'least', 'most', 'p50', 'p95', 'p99', 'delivered'];
  context.write(table(context, names, cells));
}
