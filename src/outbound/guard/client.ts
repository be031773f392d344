import type { Agent, buildConnector, Dispatcher } from 'undici';
import type { SignalboxError } from '../../core/errors.ts';
import type { OutboundGuard } from './guard.ts';

/**
 * Whose URL it is that is called: `operator` wrote it (a variable, a file of the configuration), and is trusted; `data` is everything
 * else: a caller of the API, a payload, a model.
 */
export type Trust = 'operator' | 'data';

export interface OutboundClientOptions {
  /** Of what comes from data. */
  readonly guard: OutboundGuard;
  /** At once to one origin. */
  readonly connectionsPerOrigin: number;
  readonly connectTimeoutMs: number;
}

/** The one way to call somebody: whoever calls says whose URL it is. Redirects are never followed. */
export interface OutboundClient {
  /** Throws `destination_refused`, and what `undici` throws. */
  request(url: URL, trust: Trust, options: OutboundRequest): Promise<Dispatcher.ResponseData>;
  close(): Promise<void>;
}

export type OutboundRequest = Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body' | 'signal'>;

/** A client whose connections are kept open, apart for each trust. `undici` is loaded with the first request. */
export function createOutboundClient(options: OutboundClientOptions): OutboundClient {
  const agents: Partial<Record<Trust, Promise<Agent>>> = {};
  return {
    async request(url, trust, request) {
      if (trust === 'data') options.guard.checkUrl(url);
      agents[trust] ??= openAgent(options, trust);
      const agent = await agents[trust];
      return agent.request({ ...request, origin: url.origin, path: `${url.pathname}${url.search}` });
    },
    async close() {
      await Promise.all(Object.values(agents).map(async (agent) => (await agent).destroy()));
    },
  };
}

async function openAgent(options: OutboundClientOptions, trust: Trust): Promise<Agent> {
  const undici = await import('undici');
  const { connectionsPerOrigin: connections, connectTimeoutMs: timeout, guard } = options;
  // Whoever sends has a clock of its own for the whole exchange, so the client's are off.
  const own = { connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 };
  if (trust === 'operator') return new undici.Agent({ ...own, connect: { timeout } });
  const connect = undici.buildConnector({ timeout, lookup: guard.lookup });
  return new undici.Agent({ ...own, connect: guarded(connect, guard) });
}

/** An address is connected to without a lookup, so it is looked at before. */
function guarded(connect: buildConnector.connector, guard: OutboundGuard): buildConnector.connector {
  return (options, callback) => {
    try {
      guard.checkHost(options.hostname);
    } catch (error) {
      callback(error as SignalboxError, null);
      return;
    }
    connect(options, callback);
  };
}
