import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from '../core/errors.ts';
import { type Backend, type BackendAddress, Backends } from './backends.ts';

export interface Balancer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Shares HTTP requests out among the gateways that are ready. A gateway that does not take the connection has done nothing with
 * the request, which goes to another; what breaks later is answered 502, as it may have been done.
 */
export async function startGatewayBalancer(
  gateways: readonly BackendAddress[],
  port: number,
): Promise<Balancer> {
  const backends = new Backends(gateways);
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const server = createServer((incoming, response) => forward(incoming, response, { backends, agent }));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  await backends.watch();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      backends.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      agent.destroy();
    },
  };
}

interface Through {
  readonly backends: Backends;
  readonly agent: Agent;
}

function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  through: Through,
  tried = new Set<Backend>(),
): void {
  const { backends, agent } = through;
  const backend = backends.pick(tried);
  if (backend === undefined) {
    fail(response, 503, 'No gateway is ready.');
    return;
  }
  const { method, url, headers } = incoming;
  const outgoing = request(`${backend.url}${url}`, { method: method!, headers: forwarded(headers), agent });
  let isSent = false;
  const send = () => {
    isSent = true;
    incoming.pipe(outgoing);
  };
  backend.underWay += 1;
  outgoing.once('close', () => backend.underWay--);
  response.once('close', () => outgoing.destroy());
  outgoing.once('socket', (socket) => (socket.connecting ? socket.once('connect', send) : send()));
  outgoing.once('response', (answer) => passOn(answer, response));
  outgoing.on('error', (error) => {
    if (response.destroyed) return;
    if (isSent) return fail(response, 502, `The gateway broke off: ${messageOf(error)}.`);
    backends.failed(backend.url);
    forward(incoming, response, through, tried.add(backend));
  });
}

/** Connections are the balancer's own on both sides (RFC 9110, section 7.6.1). */
function forwarded(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const { connection: _, 'keep-alive': __, ...others } = headers;
  return others;
}

function passOn(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode!, forwarded(answer.headers));
  answer.pipe(response);
  answer.once('error', () => response.destroy());
}

function fail(response: ServerResponse, status: number, detail: string): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'application/problem+json', 'retry-after': '1' });
  response.end(JSON.stringify({ success: false, status, title: 'No gateway', detail }));
}
