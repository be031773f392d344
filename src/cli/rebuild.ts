import { parseArgs } from 'node:util';
import { projectionNames } from '../record/projections.ts';
import { createClient } from './client.ts';
import { type Command, UsageError } from './command.ts';
import type { Row } from './rows.ts';
import { printJson } from './terminal.ts';
import { untilDone } from './wait.ts';

export const rebuild: Command = {
  name: 'rebuild',
  summary: 'make what is projected from the record anew from its log',
  usage: `
signalbox rebuild [conversations] [search] [statistics] [--no-wait] [--url URL] [--json]

Without a name all of them. The server does it in the background, in small steps: what is there is read until the new is ready, and a server that is
stopped meanwhile goes on when it starts. Conversations that are other than their events say are put right, and counted.
--no-wait comes back at once.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const unknown = positionals.find((name) => !projectionNames.some((known) => known === name));
    if (unknown !== undefined) {
      throw new UsageError(`"${unknown}" is no projection; there are ${projectionNames.join(', ')}.`);
    }
    const client = createClient(context, values.url);
    const body = positionals.length === 0 ? {} : { projections: positionals };
    let answer: Row = await client.call('POST', '/projections/rebuild', body);
    if (!values['no-wait']) answer = await untilDone(client, context, '/projections', progressOf);
    if (values.json) printJson(context, answer);
    else context.write(`${values['no-wait'] ? 'Begun' : 'Done'}.\n`);
    return 0;
  },
};

const options = {
  'no-wait': { type: 'boolean' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;

interface State {
  readonly name: string;
  readonly rebuilding: { readonly done: number; readonly of: number; readonly changed: number } | null;
}

function progressOf({ projections }: Row): string | undefined {
  const states = (projections as readonly State[]).filter((state) => state.rebuilding !== null);
  return states.length === 0 ? undefined : states.map(shareOf).join(', ');
}

function shareOf({ name, rebuilding }: State): string {
  const { done, of } = rebuilding!;
  return `${name} ${of === 0 ? 100 : Math.floor((done / of) * 100)} %`;
}
