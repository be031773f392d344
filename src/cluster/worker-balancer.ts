import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type Backend, type BackendAddress, Backends } from './backends.ts';
import type { Balancer } from './gateway-balancer.ts';

/**
 * Shares Restate's requests out among the workers that are ready. Restate keeps one HTTP/2 connection to this address, so that
 * sharing out connections would give everything to one worker. Whatever fails, Restate tries again.
 */
export async function startWorkerBalancer(
  workers: readonly BackendAddress[],
  port: number,
  address = '127.0.0.1',
): Promise<Balancer> {
  const backends = new Backends(workers);
  const connections = new Connections();
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) =>
    forward(stream as ServerHttp2Stream, headers, backends, connections),
  );
  server.listen(port, address);
  await once(server, 'listening');
  await backends.watch();
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    async close() {
      backends.stop();
      for (const session of sessions) session.destroy();
      connections.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function forward(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  backends: Backends,
  connections: Connections,
): void {
  stream.on('error', () => {});
  const backend = backends.pick();
  if (backend === undefined) {
    stream.respond({ ':status': 503 }, { endStream: true });
    return;
  }
  const { ':authority': _, ...others } = headers;
  const outgoing = connections.to(backend).request(others);
  backend.underWay += 1;
  outgoing.once('close', () => {
    backend.underWay -= 1;
    if (!stream.writableEnded && !stream.closed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  });
  outgoing.on('error', () => {
    if (connections.isGone(backend)) backends.failed(backend.url);
    if (!stream.headersSent && !stream.destroyed) stream.respond({ ':status': 503 }, { endStream: true });
  });
  outgoing.once('response', ({ ...answer }) => {
    if (stream.destroyed) return;
    stream.respond(answer);
    outgoing.pipe(stream);
  });
  stream.once('close', () => outgoing.close(constants.NGHTTP2_CANCEL));
  stream.pipe(outgoing);
}

/** One connection to each worker; another one when it has closed, or said that it is about to. */
class Connections {
  readonly #open = new Map<string, ClientHttp2Session>();

  to({ url }: Backend): ClientHttp2Session {
    const open = this.#open.get(url);
    if (open !== undefined) return open;
    const session = connect(url);
    const forget = () => {
      if (this.#open.get(url) === session) this.#open.delete(url);
    };
    session.on('error', forget);
    session.once('goaway', forget);
    session.once('close', forget);
    this.#open.set(url, session);
    return session;
  }

  isGone({ url }: Backend): boolean {
    return !this.#open.has(url);
  }

  close(): void {
    for (const session of this.#open.values()) session.destroy();
  }
}
