import { type ErrorCode, errorCatalogue, messageOf, SignalboxError } from '../core/errors.ts';
import { type Context, UsageError } from './command.ts';
import { parseEvents, type StreamedEvent } from './event-source.ts';

/** Calls of a running server. */
export interface Client {
  readonly url: string;
  /** The JSON of the answer. Throws `SignalboxError` with what the server said, or how to start one. */
  call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    idempotencyKey?: string,
  ): Promise<Record<string, unknown>>;
  /** The answer as it came. Throws as `call` does. */
  text(path: string): Promise<string>;
  /** The server-sent events of a stream, until it ends. */
  events(path: string): AsyncGenerator<Record<string, unknown>>;
  /** The same with their places, after one of them. */
  stream(path: string, lastId?: string): AsyncGenerator<StreamedEvent>;
}

/** `url`: what `--url` says; without it `SIGNALBOX_URL`, else the server that `HOST` and `PORT` describe. */
export function createClient(context: Context, url: string | undefined): Client {
  const { host, port, apiKey, serverUrl } = context.readConfig();
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const here = `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
  const { base, authorization } = serverOf(url ?? serverUrl ?? here);
  const headers: Record<string, string> = {};
  if (apiKey !== undefined) headers.authorization = `Bearer ${apiKey.reveal()}`;
  else if (authorization !== undefined) headers.authorization = authorization;
  const request = (path: string, options: RequestInit) => fetchFrom(base, path, options, context.signal);
  return {
    url: base,
    async call(method, path, body, idempotencyKey) {
      const content = body === undefined ? {} : { 'content-type': 'application/json' };
      const key = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
      const options = { method, headers: { ...headers, ...content, ...key } };
      const response = await request(
        path,
        body === undefined ? options : { ...options, body: JSON.stringify(body) },
      );
      return read(response, base);
    },
    async text(path) {
      const response = await request(path, { headers });
      if (!response.ok) await read(response, base);
      return response.text();
    },
    async *events(path) {
      for await (const { data } of this.stream(path)) {
        if (data !== undefined) yield JSON.parse(data) as Record<string, unknown>;
      }
    },
    async *stream(path, lastId) {
      const accept = { ...headers, accept: 'text/event-stream' };
      const from = lastId === undefined ? accept : { ...accept, 'last-event-id': lastId };
      const response = await request(path, { headers: from });
      if (!response.ok) await read(response, base);
      if (response.body !== null) yield* parseEvents(response.body);
    },
  };
}

/** An address as people type one: without a scheme it is http; credentials are sent, and shown nowhere. */
function serverOf(text: string): { readonly base: string; readonly authorization?: string } {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError('--url is no address of a server. Expected one such as http://127.0.0.1:8080.');
  }
  const { username, password, origin, pathname } = url;
  const base = `${origin}${pathname}`.replace(/\/+$/, '');
  if (username === '' && password === '') return { base };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { base, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

async function fetchFrom(
  base: string,
  path: string,
  options: RequestInit,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(`${base}${path}`, { ...options, signal });
  } catch (error) {
    signal.throwIfAborted();
    const reason = messageOf((error as Error).cause ?? error);
    throw new SignalboxError(
      'not_found',
      `No Signalbox answers at ${base} (${reason}). Start one with: npm start, or bin/signalbox start. One that is elsewhere: --url URL, or SIGNALBOX_URL`,
      { cause: error },
    );
  }
}

async function read(response: Response, base: string): Promise<Record<string, unknown>> {
  const text = await response.text();
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new SignalboxError(
      'not_found',
      `What answers at ${base} is not Signalbox (status ${response.status}).`,
    );
  }
  if (response.ok || body.status === 'DOWN') return body;
  const key = response.status === 401 ? ' Put the key into SIGNALBOX_API_KEY.' : '';
  const { code } = body;
  throw new SignalboxError(
    typeof code === 'string' && code in errorCatalogue ? (code as ErrorCode) : 'invalid_request',
    `${body.detail ?? `The server answered ${response.status}.`}${key}`,
  );
}
