import { parseArgs } from 'node:util';
import { createClient } from './client.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { search, stats } from './conversations-search.ts';
import { tail } from './conversations-tail.ts';
import { timeline } from './conversations-timeline.ts';
import { erase } from './erase.ts';
import { printNext, printRows, type Row, timeOf } from './rows.ts';
import { bold, dim, printJson, safe, table } from './terminal.ts';
import { timeOption } from './time-option.ts';

export const conversations: Command = {
  name: 'conversations',
  summary: 'list, search, count, show and follow conversations',
  usage: `
signalbox conversations list [--limit N] [--after CURSOR] [filters] [--count] [--url URL] [--json]
signalbox conversations search "WORDS" [--limit N] [--after CURSOR] [filters] [--url URL] [--json]
signalbox conversations stats [--bucket 5m] [--from TIME] [--to TIME] [--url URL] [--json]
signalbox conversations show ID [--url URL] [--json]
signalbox conversations timeline ID [--limit N] [--after CURSOR] [--url URL] [--json]
signalbox conversations tail [--event TYPE,…] [--after N] [filters] [--url URL] [--json]
signalbox conversations erase --id ID | --source-system NAME | --subject TEXT | --again [--dry-run] [--yes] [--url URL] [--json]

search finds conversations whose question or answer has all of the words, newest first. "a phrase" in quotation marks, begin*, and -without.
timeline tells what happened in one of them: questions, messages, tool calls, attempts, steps and waits, with their times; --limit is of events.
stats: how many were completed in each bucket (5m, 1h, 1d), how many milliseconds they took, and how many of those with a receiver were delivered.

ID is a tracking id or a conversation id. Filters, all of which hold: --status, --source-system, --source-process, --type, --account, and
--from and --to, each a date (2026-08-14, its beginning in UTC) or a time such as 2026-08-14T09:00:00Z. --count says how many there are.

tail shows the events of all conversations as they happen, until Ctrl-C; with --json each is one line of JSON. A connection that is lost is made anew,
and nothing is left out. --after goes through what was before first: the "sequence" of an event, or 0 for all of the record. --event takes
types such as WEBHOOK_DELIVERY_FAILED. --status is what a conversation is in from the event on; times are no filters here.

erase takes the content away for good: question, answer, tool calls, exports, journals. --subject finds what has a text in its question, its
answer or its further fields. What is not complete is left alone, and named.

Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    if (args[0] === 'erase') return erase(args.slice(1), context);
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const client = createClient(context, values.url);
    const [what = 'list', id, ...words] = positionals;
    if (words.length > 0 && what !== 'search') throw new UsageError(`"${words[0]}" is too much.`);
    if (what === 'show') {
      if (id === undefined) throw new UsageError('The id is missing.');
      const found = await client.call('GET', `/conversations/${encodeURIComponent(id)}`);
      if (values.json) printJson(context, found);
      else show(found, context);
      return 0;
    }
    const json = values.json === true;
    if (what === 'timeline') {
      if (id === undefined) throw new UsageError('The id is missing.');
      await timeline(client, { ...values, id }, context);
      return 0;
    }
    if (what === 'search') {
      if (id === undefined) throw new UsageError('What to look for is missing.');
      await search(client, parametersOf({ limit, ...values, q: [id, ...words].join(' ') }), context, json);
      return 0;
    }
    if (what === 'stats') {
      // What it cannot be asked for is refused by the server.
      await stats(client, parametersOf(values), context, json);
      return 0;
    }
    if (what === 'tail') return tail(client, followedOf(values), context, json);
    if (what !== 'list')
      throw new UsageError(`"${what}" is none of list, search, stats, show, timeline, tail and erase.`);
    const page = await client.call('GET', `/conversations?${parametersOf({ limit, ...values })}`);
    if (values.json) printJson(context, page);
    else list(page, context);
    return 0;
  },
};

/** Of a list; a server gives more. */
const limit = '20';

const options = {
  limit: { type: 'string' },
  after: { type: 'string' },
  status: { type: 'string' },
  'source-system': { type: 'string' },
  'source-process': { type: 'string' },
  type: { type: 'string' },
  account: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  count: { type: 'boolean' },
  bucket: { type: 'string' },
  event: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** The parameters of the route, by the options that have another name here. */
const parameterNames: Readonly<Record<string, string>> = {
  'source-system': 'source_system',
  'source-process': 'source_process',
  type: 'webhook_type',
};

function parametersOf({ url, json, ...values }: Readonly<Record<string, string | boolean | undefined>>) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  const isTime = (name: string) => name === 'from' || name === 'to';
  return new URLSearchParams(
    given.map(([name, value]) => [
      parameterNames[name] ?? name,
      isTime(name) ? timeOption(`--${name}`, String(value)) : String(value),
    ]),
  );
}

/** Events have types of their own, and `--type` is that of conversations. */
function followedOf({ event, limit, ...values }: Readonly<Record<string, string | boolean | undefined>>) {
  const parameters = parametersOf(values);
  if (event !== undefined) parameters.set('type', String(event));
  return parameters;
}

function list(page: Row, context: Context): void {
  printRows(context, page.conversations as readonly Row[], listing);
  const total = page.total as { readonly count: number; readonly exact: boolean } | undefined;
  if (total)
    context.writeError(`${total.count.toLocaleString('en')}${total.exact ? '' : ' or more'} in all\n`);
  printNext(context, page);
}

const listing = {
  none: 'No conversations.',
  columns: {
    received: (row: Row) => timeOf(row.received_at),
    status: (row: Row) => row.status,
    delivery: (row: Row) => row.delivery_status,
    'tracking id': (row: Row) => row.tracking_id,
    question: (row: Row) => (row.erased_at === null ? row.query_start : '(erased)'),
  },
};

function withoutAnswer({ erased_at: erasedAt, complete, problem }: Row): unknown {
  if (erasedAt !== null) return `Question and answer were erased at ${timeOf(erasedAt)} UTC.`;
  return complete === true ? (problem ?? 'No answer.') : 'No answer yet.';
}

function show(found: Row, context: Context): void {
  const answer = found.ai_response as { readonly response_plain: string } | null;
  const error = found.error as { readonly message: string } | null;
  const attempts = found.delivery_attempts as readonly Row[];
  context.write(
    `${bold(context, found.erased_at === null ? safe(found.query) : '(erased)')}\n${dim(context, `${found.status} · delivery ${found.delivery_status}`)}\n\n`,
  );
  context.write(`${safe(answer?.response_plain ?? error?.message ?? withoutAnswer(found))}\n`);
  if (attempts.length === 0) return;
  const cells = attempts.map((one) => [
    one.attempt,
    one.at,
    one.status_code ?? '–',
    one.delivered ? 'delivered' : one.reason,
  ]);
  context.write(`\n${table(context, ['attempt', 'at', 'status', 'result'], cells)}`);
}
