import { parseArgs } from 'node:util';
import { createClient } from './client.ts';
import type { Command } from './command.ts';
import { printJson, table } from './terminal.ts';

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
    const rows = page.acts as readonly Readonly<Record<string, unknown>>[];
    if (values.json) printJson(context, page);
    else if (rows.length === 0) context.write('Nothing yet.\n');
    else {
      const cells = rows.map((row) => [
        ...[
          String(row.at).slice(0, 19),
          row.actor,
          row.actor_id ?? row.actor_kind,
          row.act,
          row.target ?? '',
        ],
        ...[`${row.outcome}${row.code === null ? '' : ` (${row.code})`}`, row.address ?? ''],
      ]);
      context.write(table(context, ['at', 'who', 'by', 'what', 'on what', 'outcome', 'from'], cells));
      if (page.next !== null) context.writeError(`more: --after ${page.next}\n`);
    }
    return 0;
  },
};

const options = {
  limit: { type: 'string', default: '50' },
  after: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;
