import { setTimeout as pause } from 'node:timers/promises';
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
signalbox alarms silence ALARM --for 8h|off [--url URL] [--json]

list shows each alarm of SIGNALBOX_ALARMS, and what came of what each place was told last; it ends with 1 when an alarm fires, or nobody knows.
test tells every place where people are told of alarms, waits for it, and ends with 1 when one has not taken it.
silence keeps an alarm from telling anything for a time (1m to 30d), but that a count, as of dead letters, has doubled; off lets it tell again.

Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const client = createClient(context, values.url);
    const [what = 'list'] = positionals;
    if (what === 'test') {
      const told = await client.call('POST', '/alarms/test');
      const outcomes = await outcomesOf(client, told.runs as readonly ToldPlace[]);
      if (values.json) printJson(context, { success: true, places: outcomes });
      else context.write(table(context, ['place', 'status', 'why'], outcomes.map(outcomeCells)));
      return outcomes.every(({ status }) => status === 'succeeded') ? 0 : 1;
    }
    if (what === 'silence') return silence(client, positionals[1], values, context);
    if (what !== 'list') throw new UsageError(`"${what}" is neither list, test nor silence.`);
    const found = await client.call('GET', '/alarms');
    if (values.json) printJson(context, found);
    else list(found, context);
    return (found.alarms as readonly Row[]).some(needsSomebody) ? 1 : 0;
  },
};

const options = { url: { type: 'string' }, json: { type: 'boolean' }, for: { type: 'string' } } as const;

type Row = Readonly<Record<string, unknown>>;

async function silence(
  client: ReturnType<typeof createClient>,
  alarm: string | undefined,
  values: { readonly for?: string; readonly json?: boolean },
  context: Context,
): Promise<number> {
  if (alarm === undefined) throw new UsageError('The name of the alarm is missing.');
  if (values.for === undefined) throw new UsageError('--for is missing: a time such as 8h, or off.');
  const path = `/alarms/${encodeURIComponent(alarm)}/silence`;
  const answer = await client.call('POST', path, { for: values.for });
  const until = answer.silenced_until;
  if (values.json) printJson(context, answer);
  else
    context.write(
      until === null
        ? `${alarm} tells again.\n`
        : `${alarm} tells nothing until ${timeOf(until)} (UTC), but that a count has doubled.\n`,
    );
  return 0;
}

/** One that was never looked at may be of a server that has just begun; one that is not looked at any more is of one that can't. */
const needsSomebody = ({ status, looked_at: lookedAt }: Row): boolean =>
  status === 'firing' || (status === 'unknown' && lookedAt !== null);

interface ToldPlace {
  readonly channel: string;
  readonly run_id: string;
}

interface ToldOutcome {
  readonly place: string;
  readonly run_id: string;
  readonly status: string;
  readonly why: string | null;
}

/** How long a place is waited for; a mail server may greet slowly. */
const testWithinMs = 30_000;

/** What came of each, once it is taken, given up, or has failed at least once. */
function outcomesOf(
  client: ReturnType<typeof createClient>,
  told: readonly ToldPlace[],
): Promise<readonly ToldOutcome[]> {
  const deadline = Date.now() + testWithinMs;
  return Promise.all(
    told.map(async ({ channel: place, run_id }) => {
      for (;;) {
        const run = await client.call('GET', `/runs/${run_id}`);
        const status = String(run.status);
        const [attempt] = (run.history ?? []) as readonly Row[];
        const why = (run.error as Row | null)?.message ?? (attempt?.error as Row | null)?.message ?? null;
        const isKnown = ['succeeded', 'failed', 'cancelled', 'paused'].includes(status) || why !== null;
        if (isKnown || Date.now() > deadline)
          return { place, run_id, status, why: why === null ? null : String(why) };
        await pause(200);
      }
    }),
  );
}

const outcomeCells = ({ place, status, why, run_id }: ToldOutcome): readonly string[] => [
  place,
  status === 'succeeded' ? 'taken' : status,
  safe(why ?? (status === 'succeeded' ? '' : `no answer yet; signalbox runs show ${run_id}`)),
];

const timeOf = (text: unknown): string =>
  String(text ?? '–')
    .slice(0, 19)
    .replace('T', ' ');

function list({ alarms: all, places }: Row, context: Context): void {
  const rows = all as readonly Row[];
  if (rows.length === 0) context.write('No alarms: SIGNALBOX_ALARMS is off.\n');
  else {
    const cells = rows.map((row) => [row.status, row.rule, timeOf(row.since), safe(seen(row))]);
    context.write(table(context, ['status', 'rule', 'since (UTC)', 'what was seen'], cells));
  }
  const told = (places ?? []) as readonly Row[];
  if (told.length === 0) context.write('\nTold: nobody, the log alone (docs/reference/alarms.md)\n');
  else {
    const cells = told.map((row) => [
      ...[row.channel, row.status ?? '–', timeOf(row.at)],
      safe(row.error ?? ''),
    ]);
    context.write(`\n${table(context, ['told', 'last time', 'at (UTC)', 'why'], cells)}`);
  }
}

function seen({ status, detail, ...row }: Row): string {
  const { clear_since: clearSince, looked_at: lookedAt, silenced_until: silencedUntil } = row;
  if (status === 'unknown' && lookedAt !== null)
    return `Not looked at since ${timeOf(lookedAt)}: GET /health says what is down.`;
  const isClear = status === 'firing' && clearSince !== null;
  const quiet = silencedUntil === null ? '' : ` Silenced until ${timeOf(silencedUntil)}.`;
  return `${detail ?? ''}${quiet}${isClear ? ` Below its threshold since ${timeOf(clearSince)}; over once it has been quiet for a while.` : ''}`;
}
