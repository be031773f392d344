import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { makeDataFolder } from '../data-folder.ts';
import { webhookSecrets } from '../outbound/secrets.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { bold, dim, printJson, safe } from './terminal.ts';

export const listen: Command = {
  name: 'listen',
  summary: 'receive deliveries, verify their signatures and print them',
  usage: `
signalbox listen [--port PORT] [--secret WHSEC] [--status CODE] [--retry-after SECONDS] [--times N] [--json]

  --port PORT            where to listen; default: 8090
  --secret WHSEC         the secret to verify with; default: SIGNALBOX_WEBHOOK_SECRETS, or the one of the data folder
  --status CODE          what to answer with, to try out retries; default: 200
  --retry-after SECONDS  a Retry-After to answer with
  --times N              stop after so many deliveries
`,
  async run(args, context) {
    const { values } = parseArgs({ args: [...args], options });
    const port = wholeNumber('--port', values.port, 65_535);
    const status = wholeNumber('--status', values.status, 599, 200);
    const times =
      values.times === undefined ? Number.POSITIVE_INFINITY : wholeNumber('--times', values.times, 1e9);
    const verifiers = secretsOf(context, values.secret).map(verifierOf);
    const retryAfter = values['retry-after'];
    if (retryAfter !== undefined && !/^[\x20-\x7e]*$/.test(retryAfter)) {
      throw new UsageError('--retry-after is no header value.');
    }
    const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
    const receiver: Receiver = { context, verifiers, status, headers, json: values.json === true };
    return receive(receiver, port, times);
  },
};

const options = {
  port: { type: 'string', default: '8090' },
  secret: { type: 'string' },
  status: { type: 'string', default: '200' },
  'retry-after': { type: 'string' },
  times: { type: 'string' },
  json: { type: 'boolean' },
} as const;

interface Receiver {
  readonly context: Context;
  readonly verifiers: readonly Webhook[];
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly json: boolean;
}

function wholeNumber(option: string, text: string, most: number, least = 0): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(
    `${option} is ${JSON.stringify(text)}. Expected a whole number from ${least} to ${most}.`,
  );
}

function secretsOf(context: Context, given: string | undefined): string[] {
  if (given !== undefined) return [given];
  const { webhookSecrets: configured, dataDir } = context.readConfig();
  // The receiver may be the first to need the secret; the server that starts later finds it there.
  makeDataFolder(dataDir);
  return webhookSecrets(configured, dataDir).map((secret) => secret.reveal());
}

function verifierOf(secret: string): Webhook {
  try {
    return new Webhook(secret);
  } catch {
    throw new UsageError('--secret is no webhook secret. Expected whsec_ and base64.');
  }
}

async function receive(receiver: Receiver, port: number, times: number): Promise<number> {
  const { context } = receiver;
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  let left = times;
  const server = createServer((request, response) => {
    handle(receiver, request, response)
      .then((counted) => {
        left -= counted ? 1 : 0;
        if (left <= 0) resolve();
      })
      .catch(reject);
  });
  server.once('error', (error) => reject(listenError(error, port)));
  context.signal.addEventListener('abort', () => resolve());
  server.listen(port, '127.0.0.1', () => greet(receiver, (server.address() as AddressInfo).port));
  try {
    await done;
  } finally {
    server.close();
    server.closeAllConnections();
  }
  return 0;
}

function listenError(error: Error, port: number): SignalboxError {
  return new SignalboxError(
    'config_invalid',
    `Port ${port} can't be used: ${error.message}. Choose another one with --port.`,
  );
}

function greet({ context, status, json }: Receiver, port: number): void {
  const url = `http://127.0.0.1:${port}/`;
  if (json) {
    context.write(`${JSON.stringify({ listening: url })}\n`);
    return;
  }
  context.write(`Waiting for deliveries at ${url}, answering ${status}. Start the server with:\n\n`);
  context.write(`  WEBHOOK_URL=${url} npm start\n\n`);
}

async function handle(
  receiver: Receiver,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return false;
  }
  const body = Buffer.concat(chunks).toString();
  const problem = request.method === 'POST' ? verify(receiver.verifiers, body, request) : 'It is not a POST.';
  const status = problem === undefined ? receiver.status : 401;
  response.writeHead(status, receiver.headers).end();
  show(receiver, { body, problem, status, id: request.headers['webhook-id'] });
  return problem === undefined;
}

/** Why it is not to be believed, or undefined. */
function verify(verifiers: readonly Webhook[], body: string, request: IncomingMessage): string | undefined {
  let problem: string | undefined = 'There is no secret.';
  for (const verifier of verifiers) {
    try {
      verifier.verify(body, request.headers as Record<string, string>);
      return undefined;
    } catch (error) {
      problem = messageOf(error);
    }
  }
  return problem;
}

interface Received {
  readonly body: string;
  readonly problem: string | undefined;
  readonly status: number;
  readonly id: unknown;
}

interface Envelope {
  readonly original_query?: string;
  readonly ai_response?: { readonly response_plain: string } | null;
  readonly error?: { readonly message: string };
  readonly webhook_metadata?: { readonly attempt: number; readonly webhook_type: string };
}

function show({ context, json }: Receiver, { body, problem, status, id }: Received): void {
  const envelope = parse(body);
  if (json)
    return void printJson(context, {
      verified: problem === undefined,
      problem,
      answered: status,
      webhook_id: id,
      body: envelope ?? body,
    });
  const signature = problem === undefined ? 'signature verified' : `NOT VERIFIED: ${problem}`;
  const { attempt, webhook_type } = envelope?.webhook_metadata ?? {};
  const facts = [
    new Date().toISOString().slice(11, 19),
    webhook_type,
    attempt && `attempt ${attempt}`,
    signature,
    `answered ${status}`,
    id,
  ];
  context.write(`${dim(context, facts.filter(Boolean).map(safe).join(' · '))}\n`);
  if (envelope === undefined) {
    context.write(`${safe(body.slice(0, 2_000))}\n\n`);
    return;
  }
  context.write(`${bold(context, safe(envelope.original_query))}\n`);
  context.write(
    `${safe(envelope.ai_response?.response_plain ?? `No answer: ${envelope.error?.message}`).trimEnd()}\n\n`,
  );
}

function parse(body: string): Envelope | undefined {
  try {
    return JSON.parse(body) as Envelope;
  } catch {
    return undefined;
  }
}
