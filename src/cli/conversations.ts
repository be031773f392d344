import { parseArgs } from 'node:util';
import { createClient } from './client.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { bold, dim, printJson, safe, table } from './terminal.ts';

export const conversations: Command = {
  name: 'conversations',
  summary: 'list conversations, or show one',
  usage: `
signalbox conversations list [--limit N] [--status STATUS] [--after CURSOR] [--url URL] [--json]
signalbox conversations show TRACKING_ID [--url URL] [--json]

Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const client = createClient(context, values.url);
    const [what = 'list', id] = positionals;
    if (what === 'show') {
      if (id === undefined) throw new UsageError('The tracking id is missing.');
      const found = await client.call('GET', `/webhook/${encodeURIComponent(id)}`);
      if (values.json) printJson(context, found);
      else show(found, context);
      return 0;
    }
    if (what !== 'list') throw new UsageError(`"${what}" is neither list nor show.`);
    const { limit, status, after } = values;
    const query = new URLSearchParams({ limit, ...(status && { status }), ...(after && { after }) });
    const page = await client.call('GET', `/conversations?${query}`);
    if (values.json) printJson(context, page);
    else list(page, context);
    return 0;
  },
};

const options = {
  limit: { type: 'string', default: '20' },
  status: { type: 'string' },
  after: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Row = Readonly<Record<string, unknown>>;

function list(page: Row, context: Context): void {
  const rows = page.conversations as readonly Row[];
  if (rows.length === 0) {
    context.write('No conversations.\n');
    return;
  }
  const cells = rows.map((row) => [
    String(row.received_at).slice(0, 19).replace('T', ' '),
    row.status,
    row.delivery_status,
    row.tracking_id,
    row.query_start,
  ]);
  context.write(table(context, ['received', 'status', 'delivery', 'tracking id', 'question'], cells));
  if (page.next !== null) context.writeError(dim(context, `more: --after ${page.next}\n`));
}

function show(found: Row, context: Context): void {
  const answer = found.ai_response as { readonly response_plain: string } | null;
  const error = found.error as { readonly message: string } | null;
  const attempts = found.delivery_attempts as readonly Row[];
  context.write(
    `${bold(context, safe(found.query))}\n${dim(context, `${found.status} · delivery ${found.delivery_status}`)}\n\n`,
  );
  context.write(`${safe(answer?.response_plain ?? error?.message ?? 'No answer yet.')}\n`);
  if (attempts.length === 0) return;
  const cells = attempts.map((one) => [
    one.attempt,
    one.at,
    one.status_code ?? '–',
    one.delivered ? 'delivered' : one.reason,
  ]);
  context.write(`\n${table(context, ['attempt', 'at', 'status', 'result'], cells)}`);
}
