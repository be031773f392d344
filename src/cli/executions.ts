import { parseArgs } from 'node:util';
import { type Client, createClient } from './client.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { readJson } from './json-argument.ts';
import { errorOf, postEach, printPage, type Row, timeOf } from './rows.ts';
import { printJson, safe, table } from './terminal.ts';

export const executions: Command = {
  name: 'executions',
  summary: 'list executions, show, cancel or retry one, send one a signal',
  usage: `
signalbox executions list [--status STATUS] [--definition NAME] [--limit N] [--after CURSOR] [--url URL] [--json]
signalbox executions show EXECUTION_ID [--url URL] [--json]
signalbox executions cancel | retry EXECUTION_ID… [--url URL] [--json]
signalbox executions signal EXECUTION_ID NAME [--payload JSON | @FILE | -] [--key KEY] [--url URL] [--json]

retry starts one that failed or was cancelled anew, as another execution; asked again it names the same one.
signal sends a value to the execution that waits, or will wait, for that name; sent again with the same --key it counts once.
Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const client = createClient(context, values.url);
    const [what = 'list', ...ids] = positionals;
    if (what === 'list') return list(client, context, values);
    if (ids.length === 0) throw new UsageError('The id of the execution is missing.');
    if (what === 'show') return show(client, context, ids[0]!, values.json === true);
    if (what === 'signal') return signal(client, context, ids, values);
    if (what !== 'cancel' && what !== 'retry') {
      throw new UsageError(`"${what}" is none of list, show, cancel, retry, signal.`);
    }
    return change(client, context, what, ids, values.json === true);
  },
};

const options = {
  status: { type: 'string' },
  definition: { type: 'string' },
  limit: { type: 'string', default: '50' },
  after: { type: 'string' },
  payload: { type: 'string', default: 'null' },
  key: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;

interface Values {
  readonly status?: string;
  readonly definition?: string;
  readonly limit: string;
  readonly after?: string;
  readonly payload: string;
  readonly key?: string;
  readonly json?: boolean;
}

const pathOf = (id: string) => `/executions/${encodeURIComponent(id)}`;

async function list(client: Client, context: Context, values: Values): Promise<number> {
  const { status, definition, limit, after } = values;
  const query = new URLSearchParams({
    limit,
    ...(status !== undefined && { status }),
    ...(definition !== undefined && { definition_id: definition }),
    ...(after !== undefined && { after }),
  });
  const page = await client.call('GET', `/executions?${query}`);
  printPage(context, page, { ...listing, json: values.json });
  return 0;
}

const listing = {
  name: 'executions',
  none: 'No executions.',
  columns: {
    execution: (row: Row) => row.execution_id,
    definition: (row: Row) => row.definition_id,
    status: (row: Row) => row.status,
    queued: (row: Row) => timeOf(row.queued_at),
    by: (row: Row) => row.initiated_by ?? '',
    name: (row: Row) => row.name ?? errorOf(row),
  },
};

async function show(client: Client, context: Context, id: string, json: boolean): Promise<number> {
  const found = await client.call('GET', pathOf(id));
  if (json) {
    printJson(context, found);
    return 0;
  }
  const { definition_id, execution_id, status, queued_at, history } = found;
  context.write(safe(`${definition_id} ${execution_id} ${status}, queued ${queued_at}\n${errorOf(found)}\n`));
  const cells = (history as readonly Row[]).map((one) => [
    ...[one.position, one.kind, one.name, one.status, one.attempts],
    errorOf(one),
  ]);
  context.write(`\n${table(context, ['#', 'kind', 'name', 'status', 'attempts', 'error'], cells)}`);
  context.write(
    `\ninput ${safe(JSON.stringify(found.input))}\noutput ${safe(JSON.stringify(found.output))}\n`,
  );
  return 0;
}

async function signal(
  client: Client,
  context: Context,
  [id, name]: readonly string[],
  { payload, key, json }: Values,
): Promise<number> {
  if (name === undefined) throw new UsageError('The name of the signal is missing.');
  const path = `${pathOf(id!)}/signals/${encodeURIComponent(name)}`;
  const sent = await client.call('POST', path, await readJson(payload, '--payload'), key);
  if (json) printJson(context, sent);
  else context.write(`${sent.outcome}\n`);
  return 0;
}

async function change(
  client: Client,
  context: Context,
  what: 'cancel' | 'retry',
  ids: readonly string[],
  json: boolean,
): Promise<number> {
  const changed = await postEach(
    client,
    ids.map((id) => `${pathOf(id)}/${what}`),
  );
  if (json) printJson(context, { success: true, changed });
  else for (const one of changed) context.write(`${one.execution_id} is ${one.status}\n`);
  return 0;
}
