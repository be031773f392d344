import { parseArgs } from 'node:util';
import { describeDuration } from '../core/duration.ts';
import { SignalboxError } from '../core/errors.ts';
import { type Client, createClient } from './client.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { bold, dim, printJson, safe } from './terminal.ts';

export const ask: Command = {
  name: 'ask',
  summary: 'ask a question and follow it to the answer',
  usage: `
signalbox ask "QUESTION" [--url URL] [--source NAME] [--markdown] [--json]

  --url URL      the server; default: SIGNALBOX_URL, else the one that HOST and PORT describe
  --source NAME  the source system that asks; default: terminal
  --markdown     print the answer as markdown instead of plain text

The key of a server with keys is read from SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const query = positionals.join(' ').trim();
    if (query === '') throw new UsageError('The question is missing.');
    const client = createClient(context, values.url);
    const trackingId = await send(client, query, values.source);
    const answered = await follow(client, trackingId, values.json ? undefined : context);
    if (answered === undefined) throw lost(trackingId);
    const conversation = await client.call('GET', `/webhook/${trackingId}`);
    if (values.json) printJson(context, conversation);
    else print(conversation, context, values.markdown === true);
    return conversation.ai_response === null ? 1 : 0;
  },
};

const options = {
  url: { type: 'string' },
  source: { type: 'string', default: 'terminal' },
  markdown: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

async function send(client: Client, query: string, source: string): Promise<string> {
  const body = { query, source_system: source, source_process: 'ask', timestamp: new Date().toISOString() };
  const { tracking_id } = await client.call('POST', '/webhook', body);
  return String(tracking_id);
}

/** Waits for the answer or the account of a failure, not for its delivery. */
async function follow(
  client: Client,
  trackingId: string,
  context: Context | undefined,
): Promise<true | undefined> {
  for await (const event of client.events(`/webhook/${trackingId}/events`)) {
    if (event.event_type === 'WEBHOOK_MANAGER_AGENT_RESPONSE') return true;
    if (event.event_type === 'WEBHOOK_MANAGER_AGENT_INVOKED') {
      context?.writeError(dim(context, `asking ${safe(event.agent)} …\n`));
    }
  }
  return undefined;
}

interface Answer {
  readonly response: string;
  readonly response_plain: string;
}

function print(conversation: Record<string, unknown>, context: Context, markdown: boolean): void {
  const answer = conversation.ai_response as Answer | null;
  const error = conversation.error as { readonly message: string } | null;
  if (answer === null) context.writeError(`${bold(context, 'No answer.')} ${safe(error?.message)}\n`);
  else context.write(`${safe(markdown ? answer.response : answer.response_plain).trimEnd()}\n`);
  const took = describeDuration(Number(conversation.answer_time_ms ?? 0));
  context.writeError(dim(context, `\n${took} · ${conversation.tracking_id}\n`));
}

function lost(trackingId: string): SignalboxError {
  return new SignalboxError(
    'shutting_down',
    `The server stopped before the answer came. The question is kept and will be answered; look with: signalbox conversations show ${trackingId}`,
  );
}
