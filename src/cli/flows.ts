import { parseArgs } from 'node:util';
import { createClient } from './client.ts';
import type { Command } from './command.ts';
import { printJson, table } from './terminal.ts';

interface Row {
  readonly flow: string;
  readonly version: number;
  readonly registered: boolean;
  readonly unfinished: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly paused_for: Readonly<Record<string, number>>;
  readonly oldest_started_at: string | null;
}

export const flows: Command = {
  name: 'flows',
  summary: 'list flows and versions, and the runs that hold them back',
  usage: `
signalbox flows [--url URL] [--json]

A version with no unfinished runs may be taken out of the code. One whose code is not there has runs that are paused or wait
for it: start a program that has it, or end them (signalbox runs terminate).
Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values } = parseArgs({ args: [...args], options });
    const answer = await createClient(context, values.url).call('GET', '/flows');
    if (values.json) {
      printJson(context, answer);
      return 0;
    }
    const cells = (answer.flows as readonly Row[]).map((row) => [
      `${row.flow}@${row.version}`,
      row.registered ? 'yes' : 'no',
      row.unfinished,
      counts(row.statuses),
      counts(row.paused_for),
      row.oldest_started_at?.slice(0, 19) ?? '',
    ]);
    const headings = ['flow', 'code', 'unfinished', 'of these', 'paused for', 'oldest'];
    context.write(table(context, headings, cells));
    return 0;
  },
};

const options = { url: { type: 'string' }, json: { type: 'boolean' } } as const;

const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ');
