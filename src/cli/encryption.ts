import { parseArgs } from 'node:util';
import { createClient } from './client.ts';
import { type Command, UsageError } from './command.ts';
import type { Row } from './rows.ts';
import { printJson } from './terminal.ts';
import { untilDone } from './wait.ts';

export const encryption: Command = {
  name: 'encryption',
  summary: 'say under which keys data are, and put all of them under the newest one',
  usage: `
signalbox encryption [--url URL] [--json]
signalbox encryption rotate [--no-wait] [--url URL] [--json]

Keys are in SIGNALBOX_ENCRYPTION_KEYS of the server, newest first, and known here by the first digits of a hash of them. rotate puts what is under an older key, or under
none, under the newest one: the server does it in the background, in small steps, and once an hour by itself. In the end it says which keys can be taken out of the
configuration; keep those that backups are under as long as the backups.
--no-wait comes back at once.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const [action, ...more] = positionals;
    if (more.length > 0 || (action !== undefined && action !== 'rotate'))
      throw new UsageError(`"${positionals.join(' ')}" is not understood; there is rotate.`);
    const client = createClient(context, values.url);
    let state: Row = await (action === undefined
      ? client.call('GET', '/encryption')
      : client.call('POST', '/encryption/rotate', {}));
    if (action !== undefined && !values['no-wait'])
      state = await untilDone(client, context, '/encryption', progressOf);
    if (values.json) printJson(context, state);
    else context.write(describe(state as unknown as State));
    return 0;
  },
};

const options = {
  'no-wait': { type: 'boolean' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;

interface State {
  readonly key_id: string | null;
  readonly keys: readonly { readonly id: string; readonly newest: boolean; readonly in_use: boolean }[];
  readonly plain_in_use: boolean;
  readonly rotating: boolean;
  readonly rewritten: number;
  readonly unreadable: number;
}

function progressOf(state: Row): string | undefined {
  const { rotating, rewritten } = state as unknown as State;
  return rotating ? `${rewritten} values rewritten` : undefined;
}

function describe({ keys, plain_in_use: plainInUse, rotating, unreadable }: State): string {
  if (keys.length === 0) return 'Nothing is encrypted: SIGNALBOX_ENCRYPTION_KEYS of the server is not set.\n';
  const lines = keys.map(({ id, newest, in_use: inUse }) => `${id}  ${meaning(newest, inUse)}`);
  if (plainInUse) {
    const isMeant = keys.every(({ newest }) => !newest);
    lines.push(isMeant ? 'New values are plain.' : 'Values from before there was a key may still be plain.');
  }
  if (rotating) lines.push('Values are being put under the newest key.');
  if (unreadable > 0)
    lines.push(`${unreadable} values cannot be opened with any key; see docs/reference/encryption.md.`);
  return `${lines.join('\n')}\n`;
}

function meaning(isNewest: boolean, isInUse: boolean): string {
  if (isNewest) return 'new values are under it';
  return isInUse
    ? 'values are still under it'
    : 'no value is under it: it can be taken out of the configuration';
}
