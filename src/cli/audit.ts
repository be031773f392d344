import { parseArgs } from 'node:util';
import { createClient } from './client.ts';
import type { Command } from './command.ts';
import { printPage, type Row, timeOf } from './rows.ts';

export const audit: Command = {
  name: 'audit',
  summary: 'who did what: replays, cancellations, keys, sources, refused calls',
  usage: `
signalbox audit [--limit N] [--after CURSOR] [--url URL] [--json]

Newest first. An act whose outcome is unknown was cut off: the process died in between.
Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY, of scope admin.
`,
  async run(args, context) {
    const { values } = parseArgs({ args: [...args], options });
    const query = new URLSearchParams({ limit: values.limit, ...(values.after && { after: values.after }) });
    const page = await createClient(context, values.url).call('GET', `/audit?${query}`);
    printPage(context, page, { ...listing, json: values.json });
    return 0;
  },
};

const listing = {
  name: 'acts',
  none: 'Nothing yet.',
  columns: {
    at: (row: Row) => timeOf(row.at),
    who: (row: Row) => row.actor,
    by: (row: Row) => row.actor_id ?? row.actor_kind,
    what: (row: Row) => row.act,
    'on what': (row: Row) => row.target ?? row.detail ?? '',
    outcome: (row: Row) => `${row.outcome}${row.code === null ? '' : ` (${row.code})`}`,
    from: (row: Row) => row.address ?? '',
  },
};

const options = {
  limit: { type: 'string', default: '50' },
  after: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;
