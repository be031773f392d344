import { parseArgs } from 'node:util';
import { type Client, createClient } from './client.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { errorOf, postEach, printPage, type Row, timeOf } from './rows.ts';
import { printJson, safe, table } from './terminal.ts';

export const deadLetters: Command = {
  name: 'dead-letters',
  summary: 'list what failed for good, show its history, start it anew',
  usage: `
signalbox dead-letters list [--limit N] [--after CURSOR] [--url URL] [--json]
signalbox dead-letters show RUN_ID [--url URL] [--json]
signalbox dead-letters replay RUN_ID… | --all [--url URL] [--json]

Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const client = createClient(context, values.url);
    const [what = 'list', ...ids] = positionals;
    if (what === 'list') return list(client, context, values);
    if (what === 'show') return show(client, context, ids, values.json === true);
    if (what === 'replay') {
      return replay(client, context, values.all ? await allIds(client) : ids, values);
    }
    throw new UsageError(`"${what}" is none of list, show, replay.`);
  },
};

const options = {
  limit: { type: 'string', default: '50' },
  after: { type: 'string' },
  all: { type: 'boolean' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;

interface Values {
  readonly limit: string;
  readonly after?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

async function list(client: Client, context: Context, { limit, after, json }: Values): Promise<number> {
  const query = new URLSearchParams({ limit, ...(after && { after }) });
  const page = await client.call('GET', `/dead-letters?${query}`);
  printPage(context, page, { ...listing, json });
  return 0;
}

const listing = {
  name: 'dead_letters',
  none: 'No dead letters.',
  columns: {
    run: (row: Row) => row.run_id,
    flow: (row: Row) => row.flow,
    'failed at': (row: Row) => timeOf(row.ended_at),
    why: errorOf,
  },
};

async function show(
  client: Client,
  context: Context,
  ids: readonly string[],
  json: boolean,
): Promise<number> {
  const [id] = ids;
  if (id === undefined) throw new UsageError('The id of the run is missing.');
  const found = await client.call('GET', `/dead-letters/${encodeURIComponent(id)}`);
  if (json) {
    printJson(context, found);
    return 0;
  }
  const input = found.input as Row;
  context.write(`${found.flow} ${found.run_id}\n${safe(errorOf(found))}\n`);
  if (input?.query !== undefined) context.write(`Question: ${safe(input.query)}\n`);
  if (found.restarted_as !== null) context.write(`Started anew as ${found.restarted_as}\n`);
  const cells = (found.history as readonly Row[]).map((one) => [
    one.position,
    one.kind,
    one.name,
    one.status,
    one.attempts,
    one.started_at,
    errorOf(one),
  ]);
  context.write(
    `\n${table(context, ['#', 'kind', 'name', 'status', 'attempts', 'started', 'error'], cells)}`,
  );
  return 0;
}

async function allIds(client: Client): Promise<string[]> {
  const ids: string[] = [];
  let after: unknown = null;
  do {
    const cursor = after === null ? '' : `&after=${encodeURIComponent(String(after))}`;
    const page = await client.call('GET', `/dead-letters?limit=500${cursor}`);
    ids.push(...(page.dead_letters as readonly Row[]).map((row) => String(row.run_id)));
    after = page.next;
  } while (after !== null);
  return ids;
}

async function replay(
  client: Client,
  context: Context,
  ids: readonly string[],
  values: Values,
): Promise<number> {
  if (ids.length === 0 && !values.all)
    throw new UsageError('The id of a run is missing; --all starts all anew.');
  const replayed = await postEach(
    client,
    ids.map((id) => `/dead-letters/${encodeURIComponent(id)}/replay`),
  );
  if (values.json) printJson(context, { success: true, replayed });
  else if (replayed.length === 0) context.write('No dead letters.\n');
  else for (const one of replayed) context.write(`${one.restart_of} started anew as ${one.run_id}\n`);
  return 0;
}
