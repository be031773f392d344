import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createHttp2Server, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { startGatewayBalancer } from './gateway-balancer.ts';
import { startWorkerBalancer } from './worker-balancer.ts';

const portOf = (server: Server | Http2Server) => (server.address() as AddressInfo).port;

/** A process that says its name, and the method and body that it got. */
async function startProcess(context: TestContext, name: string) {
  const state = { ready: true };
  const server = createServer(async (request, response) => {
    if (request.url === '/health/ready') return void response.writeHead(state.ready ? 200 : 503).end();
    if (request.url === '/break') return void response.socket!.destroy();
    let body = '';
    for await (const chunk of request) body += chunk;
    response.setHeader('x-name', name).end(`${name} ${request.method} ${request.url} ${body}`);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  context.after(end);
  const url = `http://127.0.0.1:${portOf(server)}`;
  return { address: { url, readyUrl: `${url}/health/ready` }, state, end };
}

async function until(what: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await what())) assert.ok(Date.now() < deadline, 'it did not happen within 5 s');
}

describe('the balancer before the gateways', () => {
  test('shares requests out, bodies and all', async (context) => {
    const processes = [await startProcess(context, 'a'), await startProcess(context, 'b')];
    const balancer = await startGatewayBalancer(
      processes.map(({ address }) => address),
      0,
    );
    context.after(() => balancer.close());
    const answers = [];
    for (let i = 0; i < 4; i++) {
      const answer = await fetch(`${balancer.url}/x?y`, { method: 'POST', body: 'hello' });
      answers.push(await answer.text());
      assert.ok(answer.headers.has('x-name'));
    }
    assert.deepEqual([...new Set(answers)].sort(), ['a POST /x?y hello', 'b POST /x?y hello']);
  });

  test('gives nothing to one that is not ready, and everything to another when one has gone', async (context) => {
    const [a, b] = [await startProcess(context, 'a'), await startProcess(context, 'b')];
    const balancer = await startGatewayBalancer([a.address, b.address], 0);
    context.after(() => balancer.close());
    const ask = async () => (await fetch(balancer.url)).headers.get('x-name');
    a.state.ready = false;
    await until(async () => (await ask()) === 'b' && (await ask()) === 'b' && (await ask()) === 'b');
    a.state.ready = true;
    await until(async () => (await ask()) === 'a');
    b.end();
    for (let i = 0; i < 4; i++) assert.equal(await ask(), 'a');
    a.end();
    const none = await fetch(balancer.url);
    assert.deepEqual([none.status, none.headers.get('retry-after')], [503, '1']);
  });

  test('says so when one breaks off a request, which may have been done', async (context) => {
    const { address } = await startProcess(context, 'a');
    const balancer = await startGatewayBalancer([address], 0);
    context.after(() => balancer.close());
    const broken = await fetch(`${balancer.url}/break`, { method: 'POST', body: 'x' });
    assert.deepEqual(
      [broken.status, ((await broken.json()) as { title: string }).title],
      [502, 'No gateway'],
    );
  });
});

describe('the balancer before the workers', () => {
  async function startWorker(context: TestContext, name: string) {
    const { address, state } = await startProcess(context, `health of ${name}`);
    const server = createHttp2Server(async (request, response) => {
      if (request.url === '/break') return void request.stream.close(2);
      let size = 0;
      for await (const chunk of request) size += chunk.length;
      response.setHeader('x-name', name);
      response.end(`${name} ${request.method} ${request.url} ${size}`);
    });
    const sessions: { destroy(): void; close(): void }[] = [];
    server.on('session', (session) => sessions.push(session));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const end = () => {
      for (const session of sessions) session.destroy();
      server.close();
    };
    context.after(end);
    return {
      address: { url: `http://127.0.0.1:${portOf(server)}`, readyUrl: address.readyUrl },
      state,
      goAway: () => sessions.forEach((session) => void session.close()),
      end,
    };
  }

  /** As Restate does: many requests over one connection. */
  function startRestate(context: TestContext, url: string) {
    const session = connect(url);
    context.after(() => session.destroy());
    return async (path: string, body = '') => {
      const stream = session.request({ ':method': 'POST', ':path': path });
      const answered = once(stream, 'response');
      stream.end(body);
      const [headers] = (await answered) as [Record<string, unknown>];
      let text = '';
      for await (const chunk of stream) text += chunk;
      return { status: headers[':status'], text };
    };
  }

  test('shares out the requests of one connection, large ones whole', async (context) => {
    const workers = [await startWorker(context, 'a'), await startWorker(context, 'b')];
    const balancer = await startWorkerBalancer(
      workers.map(({ address }) => address),
      0,
    );
    context.after(() => balancer.close());
    const send = startRestate(context, balancer.url);
    const answers = await Promise.all(Array.from({ length: 20 }, () => send('/run', 'x'.repeat(300_000))));
    const names = ['a POST /run 300000', 'b POST /run 300000'];
    for (const name of names) assert.equal(answers.filter(({ text }) => text === name).length, 10);
  });

  test('opens another connection after a GOAWAY, and goes on with the other worker when one is gone', async (context) => {
    const [a, b] = [await startWorker(context, 'a'), await startWorker(context, 'b')];
    const balancer = await startWorkerBalancer([a.address, b.address], 0);
    context.after(() => balancer.close());
    const send = startRestate(context, balancer.url);
    const statuses = async () => [(await send('/run')).status, (await send('/run')).status];
    assert.deepEqual(await statuses(), [200, 200]);
    a.goAway();
    await until(async () => (await statuses()).every((status) => status === 200));
    a.end();
    a.state.ready = false;
    await until(async () => (await statuses()).every((status) => status === 200));
    b.end();
    b.state.ready = false;
    await until(async () => (await statuses()).every((status) => status === 503));
  });

  test('what a worker breaks off is broken off', async (context) => {
    const { address } = await startWorker(context, 'a');
    const balancer = await startWorkerBalancer([address], 0);
    context.after(() => balancer.close());
    const send = startRestate(context, balancer.url);
    assert.equal((await send('/run')).status, 200);
    const broken = await send('/break').then(
      ({ status }) => status,
      () => 'broken',
    );
    assert.ok(broken === 503 || broken === 'broken', String(broken));
    assert.equal((await send('/run')).status, 200);
  });
});
