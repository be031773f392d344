import type { Dispatcher } from 'undici';
import { SignalboxError } from '../core/errors.ts';
import { allowNothing, type OutboundAllow } from './guard/allow.ts';
import { createOutboundClient, type OutboundClient, type Trust } from './guard/client.ts';
import { createOutboundGuard, type LookupAll } from './guard/guard.ts';
import { type Exchange, outcomeOf, type SendOutcome } from './outcome.ts';

export interface OutboundMessage {
  readonly url: string;
  /** Whose URL it is. */
  readonly trust: Trust;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Sender {
  /**
   * Posts a message and says what came of it. Every failure of the other side or the way there is an outcome; throws
   * the reason of `signal` alone, when that is aborted.
   */
  send(message: OutboundMessage, signal: AbortSignal): Promise<SendOutcome>;
  /** Lets go of its connections. */
  close(): Promise<void>;
}

export interface SenderOptions {
  /** For an exchange in all: connecting, headers and body. Default 30,000. */
  readonly timeoutMs?: number;
  /** At once to one origin. Default 64. */
  readonly connectionsPerOrigin?: number;
  readonly clock?: () => number;
  /** What a URL that came from data may lead to besides the public internet. */
  readonly allow?: OutboundAllow;
  /** Default: that of the system. */
  readonly lookup?: LookupAll;
}

/** What is read of a response; more than that is not waited for. */
const responseLimitBytes = 64 * 1024;

/** A sender with connections that are kept open. */
export function createSender(options: SenderOptions = {}): Sender {
  const { timeoutMs = 30_000, connectionsPerOrigin = 64, clock = Date.now } = options;
  const guard = createOutboundGuard(options.allow ?? allowNothing, options.lookup);
  const client = createOutboundClient({ guard, connectionsPerOrigin, connectTimeoutMs: timeoutMs });
  return {
    async send(message, signal) {
      signal.throwIfAborted();
      const exchange = await exchangeWithin(client, message, signal, timeoutMs);
      signal.throwIfAborted();
      return outcomeOf(exchange, clock());
    },
    close: () => client.close(),
  };
}

async function exchangeWithin(
  client: OutboundClient,
  message: OutboundMessage,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Exchange> {
  const startedAt = performance.now();
  const durationMs = () => Math.round(performance.now() - startedAt);
  const deadline = new AbortController();
  const stop = () => deadline.abort(signal.reason);
  const timer = setTimeout(() => deadline.abort(new Error('timeout')), timeoutMs);
  signal.addEventListener('abort', stop);
  try {
    const { statusCode, headers, bodyStart } = await post(client, message, deadline.signal);
    const [retryAfter, location] = [first(headers['retry-after']), first(headers.location)];
    return { kind: 'response', statusCode, retryAfter, location, bodyStart, durationMs: durationMs() };
  } catch (error) {
    const timedOut = deadline.signal.aborted && !signal.aborted;
    const reason = timedOut ? `No complete response within ${timeoutMs} ms.` : networkReason(error);
    return { kind: 'no_response', reason, durationMs: durationMs() };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function post(client: OutboundClient, message: OutboundMessage, signal: AbortSignal) {
  const {
    statusCode,
    headers: received,
    body,
  } = await client.request(new URL(message.url), message.trust, {
    method: 'POST',
    headers: { ...message.headers },
    body: message.body,
    signal,
  });
  return { statusCode, headers: received, bodyStart: await readStart(body) };
}

/** Reads to the end, or to the limit; then the connection is dropped. */
async function readStart(body: Dispatcher.ResponseData['body']): Promise<string> {
  let start = '';
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (start.length < 1_000) start += chunk.toString('utf8', 0, 1_000);
    sizeBytes += chunk.length;
    if (sizeBytes > responseLimitBytes) break;
  }
  return start.slice(0, 1_000);
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Connection errors by their code; the message of the library otherwise. */
function networkReason(error: unknown): string {
  if (error instanceof SignalboxError) return error.message;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const name = typeof code === 'string' ? code : '';
  if (certificateCodes.test(name)) {
    return `The certificate of the receiver is not valid (${name}). If an authority of your own issued it, name its file in NODE_EXTRA_CA_CERTS.`;
  }
  if (/^(EPROTO|ERR_SSL_.*)$/.test(name)) {
    return `TLS failed (${name}). Does the receiver speak TLS at the port of this https URL?`;
  }
  return reasons[name] ?? `The request failed: ${oneLine(message)}`;
}

/** https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const certificateCodes =
  /CERT|^UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)_|^HOSTNAME_MISMATCH$|^INVALID_(CA|PURPOSE)$/;

const oneLine = (text: unknown): string =>
  String(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 300);

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'The connection was refused (ECONNREFUSED).',
  ECONNRESET: 'The connection was reset (ECONNRESET).',
  ENOTFOUND: 'The host name was not found (ENOTFOUND).',
  EAI_AGAIN: 'The host name could not be looked up (EAI_AGAIN).',
  EHOSTUNREACH: 'The host cannot be reached (EHOSTUNREACH).',
  ETIMEDOUT: 'The connection timed out (ETIMEDOUT).',
  UND_ERR_CONNECT_TIMEOUT: 'The connection timed out.',
  UND_ERR_SOCKET: 'The receiver closed the connection before the response was complete.',
  ERR_INVALID_URL: 'The URL of the endpoint is not valid.',
};
