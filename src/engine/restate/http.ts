import { Agent, request } from 'undici';
import { messageOf, SignalboxError } from '../../core/errors.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** HTTP with JSON, to a server that the operator named. */
export class JsonClient {
  readonly #agent: Agent;

  constructor(options: { readonly timeoutMs: number; readonly keepAlive: boolean }) {
    const { timeoutMs, keepAlive } = options;
    const limits = { connections: 64, headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    this.#agent = new Agent({ ...limits, connect: { timeout: timeoutMs }, pipelining: keepAlive ? 1 : 0 });
  }

  /** Throws what the network throws. */
  async send(
    method: 'GET' | 'POST' | 'PATCH',
    url: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const answer = await request(url, {
      method,
      dispatcher: this.#agent,
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: parsed(text) };
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function unavailable(what: string, seen: unknown): SignalboxError {
  const detail =
    typeof seen === 'object' && seen !== null && !(seen instanceof Error)
      ? JSON.stringify(seen)
      : messageOf(seen);
  return new SignalboxError(
    'engine_unavailable',
    `Restate ${what}: ${detail.slice(0, 500)}. Try again in a moment; /health says which part is away.`,
    { retryAfterMs: 2_000, cause: seen },
  );
}
