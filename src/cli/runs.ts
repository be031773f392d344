import { parseArgs } from 'node:util';
import { type Client, createClient } from './client.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { errorOf, postEach, printPage, type Row, timeOf } from './rows.ts';
import { printJson, safe, table } from './terminal.ts';

const changes = ['resume', 'cancel', 'terminate'];

export const runs: Command = {
  name: 'runs',
  summary: 'list runs, show one with its history, resume a paused one, cancel or terminate',
  usage: `
signalbox runs list [--status paused] [--flow NAME] [--limit N] [--after CURSOR] [--url URL] [--json]
signalbox runs show RUN_ID [--url URL] [--json]
signalbox runs resume | cancel | terminate RUN_ID… [--url URL] [--json]

resume lets a paused run try again. cancel asks a run to stop, which may undo what it did; a paused one hears of it when it is
resumed. terminate ends it at once, without its code.
Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const client = createClient(context, values.url);
    const [what = 'list', ...ids] = positionals;
    if (what === 'list') return list(client, context, values);
    if (what !== 'show' && !changes.includes(what)) {
      throw new UsageError(`"${what}" is none of list, show, ${changes.join(', ')}.`);
    }
    if (ids.length === 0) throw new UsageError('The id of the run is missing.');
    if (what === 'show') return show(client, context, ids[0]!, values.json === true);
    return change(client, context, what, ids, values.json === true);
  },
};

const options = {
  status: { type: 'string' },
  flow: { type: 'string' },
  limit: { type: 'string', default: '50' },
  after: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Values = Readonly<Partial<Record<'status' | 'flow' | 'limit' | 'after', string>>> & { json?: boolean };

async function list(client: Client, context: Context, values: Values): Promise<number> {
  const { status, flow, limit = '50', after } = values;
  const query = new URLSearchParams({ limit, ...(status && { status }), ...(flow && { flow }) });
  if (after !== undefined) query.set('after', after);
  const page = await client.call('GET', `/runs?${query}`);
  printPage(context, page, { ...listing, json: values.json });
  return 0;
}

const listing = {
  name: 'runs',
  none: 'No runs.',
  columns: {
    run: (row: Row) => row.run_id,
    flow: (row: Row) => `${row.flow}@${row.version}`,
    status: (row: Row) => row.status,
    started: (row: Row) => timeOf(row.created_at),
    why: errorOf,
  },
};

async function show(client: Client, context: Context, id: string, json: boolean): Promise<number> {
  const found = await client.call('GET', `/runs/${encodeURIComponent(id)}`);
  if (json) {
    printJson(context, found);
    return 0;
  }
  context.write(`${found.flow}@${found.version} ${found.run_id} ${found.status}\n${safe(errorOf(found))}\n`);
  const cells = (found.history as readonly Row[]).map((one) => [
    one.position,
    one.kind,
    one.name,
    one.status,
    one.attempts,
    one.started_at,
    durationOf(one),
    one.due_at ?? '',
    errorOf(one),
  ]);
  const headings = ['#', 'kind', 'name', 'status', 'attempts', 'started', 'took', 'due', 'error'];
  context.write(`\n${table(context, headings, cells)}`);
  return 0;
}

async function change(
  client: Client,
  context: Context,
  what: string,
  ids: readonly string[],
  json: boolean,
): Promise<number> {
  const changed = await postEach(
    client,
    ids.map((id) => `/runs/${encodeURIComponent(id)}/${what}`),
  );
  if (json) printJson(context, { success: true, changed });
  else for (const one of changed) context.write(`${one.run_id} is ${one.status}\n`);
  return 0;
}

/** Marked when it is longer than 99 of 100 steps of its kind. */
function durationOf({ duration_ms: durationMs, p99_ms: p99Ms, slow }: Row): string {
  if (durationMs === undefined) return '';
  return slow === true ? `${durationMs} ms, slow (p99 ${p99Ms} ms)` : `${durationMs} ms`;
}
