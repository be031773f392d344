import { parseArgs } from 'node:util';
import { createClient } from './client.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { printJson, safe, table } from './terminal.ts';

export const alarms: Command = {
  name: 'alarms',
  summary: 'show how each alarm stands, try out who is told',
  usage: `
signalbox alarms [list] [--url URL] [--json]
signalbox alarms test [--url URL] [--json]

list shows each alarm of SIGNALBOX_ALARMS, and ends with 1 when one fires. test tells every place where people are told of alarms.

Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const client = createClient(context, values.url);
    const [what = 'list'] = positionals;
    if (what === 'test') {
      const told = await client.call('POST', '/alarms/test');
      if (values.json) printJson(context, told);
      else
        context.write(
          `Told: ${(told.channels as readonly string[]).join(', ')}. signalbox runs list shows what came of it.\n`,
        );
      return 0;
    }
    if (what !== 'list') throw new UsageError(`"${what}" is neither list nor test.`);
    const found = await client.call('GET', '/alarms');
    if (values.json) printJson(context, found);
    else list(found, context);
    return (found.alarms as readonly Row[]).some((one) => one.status === 'firing') ? 1 : 0;
  },
};

const options = { url: { type: 'string' }, json: { type: 'boolean' } } as const;

type Row = Readonly<Record<string, unknown>>;

function list({ alarms: all, channels }: Row, context: Context): void {
  const rows = all as readonly Row[];
  if (rows.length === 0) context.write('No alarms: SIGNALBOX_ALARMS is off.\n');
  else {
    const cells = rows.map((row) => [
      row.status,
      row.rule,
      String(row.since ?? '–')
        .slice(0, 19)
        .replace('T', ' '),
      safe(row.detail ?? ''),
    ]);
    context.write(table(context, ['status', 'rule', 'since', 'what was seen'], cells));
  }
  const told = channels as readonly string[];
  context.write(
    `\nTold: ${told.length === 0 ? 'nobody, the log alone (docs/reference/alarms.md)' : told.join(', ')}\n`,
  );
}
