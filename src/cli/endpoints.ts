import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endpointSettings } from '../config/delivery.ts';
import { formatDuration } from '../core/duration.ts';
import { endpointsFrom } from '../outbound/endpoints.ts';
import { webhookSecrets } from '../outbound/secrets.ts';
import { webhookTypes } from '../record/events.ts';
import { type Client, createClient } from './client.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { printRows, type Row, timeOf } from './rows.ts';
import { printJson, safe, table } from './terminal.ts';

export const endpoints: Command = {
  name: 'endpoints',
  summary: 'show where answers go and the secrets they are signed with, enable one that was gone',
  usage: `
signalbox endpoints [--json]
signalbox endpoints disabled [--url URL] [--json]
signalbox endpoints enable ENDPOINT [--url URL] [--json]

Without more it reads the environment and the data folder (SIGNALBOX_DATA_DIR) of this shell. The secrets are shown nowhere else.
disabled lists the endpoints that answered 410 Gone, enable lets one of them take deliveries again: both ask the server
of --url, else of SIGNALBOX_URL, else the one that HOST and PORT describe.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const [what, endpoint] = positionals;
    const json = values.json === true;
    if (what === undefined) return configured(context, json);
    const client = createClient(context, values.url);
    if (what === 'disabled') return disabled(client, context, json);
    if (what !== 'enable') throw new UsageError(`"${what}" is neither disabled nor enable.`);
    if (endpoint === undefined) throw new UsageError('The URL of the endpoint is missing.');
    const answer = await client.call('POST', '/endpoints/enable', { url: endpoint });
    if (json) printJson(context, answer);
    else
      context.write(
        `${safe(answer.enabled)} takes deliveries again. Its dead letters: signalbox dead-letters list\n`,
      );
    return 0;
  },
};

const options = { url: { type: 'string' }, json: { type: 'boolean' } } as const;

async function disabled(client: Client, context: Context, json: boolean): Promise<number> {
  const answer = await client.call('GET', '/endpoints');
  if (json) printJson(context, answer);
  else printRows(context, answer.disabled as readonly Row[], disabledListing);
  return 0;
}

const disabledListing = {
  none: 'No endpoint is disabled.',
  columns: {
    endpoint: (row: Row) => row.url,
    'disabled at': (row: Row) => timeOf(row.disabled_at),
    why: (row: Row) => row.reason,
  },
};

function configured(context: Context, json: boolean): number {
  const config = context.readConfig();
  const endpointOf = endpointsFrom(endpointSettings(config));
  const rows = webhookTypes.map((type) => ({
    type,
    url: endpointOf(type)?.url ?? null,
    schedule: endpointOf(type)?.schedule.map(formatDuration).join(',') ?? null,
  }));
  const made = config.webhookSecrets.length > 0 || existsSync(join(config.dataDir, 'webhook-secret'));
  const secrets = made
    ? webhookSecrets(config.webhookSecrets, config.dataDir).map((one) => one.reveal())
    : [];
  if (json) printJson(context, { endpoints: rows, secrets });
  else {
    const cells = rows.map((row) => [row.type, row.url ?? 'not configured', row.schedule ?? '']);
    context.write(table(context, ['type', 'url', 'waits between attempts'], cells));
    context.write(
      `\nSecrets, newest first:\n${secrets.join('\n') || `none yet: the first start makes one in ${config.dataDir}`}\n`,
    );
  }
  return 0;
}
