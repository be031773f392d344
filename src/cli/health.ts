import { parseArgs } from 'node:util';
import { createClient } from './client.ts';
import type { Command } from './command.ts';
import { printRows, type Row } from './rows.ts';
import { printJson, safe } from './terminal.ts';

export const health: Command = {
  name: 'health',
  summary: 'show how each part of the server is',
  usage: `
signalbox health [--url URL] [--json]

Each part, looked at for real: HEALTHY, DEGRADED or DOWN, and all together. Ends with 0 when all is well, else with 1.
Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values } = parseArgs({ args: [...args], options });
    const found = await createClient(context, values.url).call('GET', '/health');
    if (values.json) printJson(context, found);
    else {
      const parts = Object.entries(found.parts as Readonly<Record<string, Row>>);
      context.write(`${found.status}\n\n`);
      printRows(
        context,
        parts.map(([name, part]) => ({ name, ...part })),
        listing,
      );
    }
    return found.status === 'HEALTHY' ? 0 : 1;
  },
};

const listing = {
  none: 'It has no parts.',
  columns: {
    part: (row: Row) => row.name,
    status: (row: Row) => row.status,
    'what was seen': (row: Row) => safe(row.detail),
  },
};

const options = { url: { type: 'string' }, json: { type: 'boolean' } } as const;
