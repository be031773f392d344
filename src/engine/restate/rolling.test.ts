import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import { createEndpointHandler, workflow } from '@restatedev/restate-sdk';
import {
  noServer,
  type RestateServer,
  restateBinary,
  startRestateServer,
} from '../../../test/fixtures/restate-server.ts';
import { freePort } from '../../../test/fixtures/server-process.ts';
import { startWorkerBalancer } from '../../cluster/worker-balancer.ts';
import { flowOf } from '../contract/harness.ts';
import { silentObserver } from '../observer.ts';
import { RestateEngine, type RestateOptions } from './engine.ts';
import { journalPath, runService } from './messages.ts';

let server: RestateServer;

async function open(context: TestContext, options: Partial<RestateOptions>) {
  const engine = new RestateEngine({
    ingressUrls: [server.ingressUrl],
    adminUrl: server.adminUrl,
    namespace: 'rolling',
    flows: [],
    workerHost: '127.0.0.1',
    workerPort: 0,
    identityKeys: [],
    appendFacts: async () => {},
    observer: silentObserver,
    ...options,
  });
  await engine.open();
  context.after(() => engine.stop(0));
  return engine;
}

describe('while versions are changed', { skip: restateBinary() === undefined && noServer }, () => {
  before(async () => {
    server = await startRestateServer();
  });
  after(() => server.close());

  test('a newer process tells Restate of handlers that the older one did not have, and an older one changes nothing', async (context) => {
    const [namespace, workerPort] = ['handlers', await freePort()];
    const older = createEndpointHandler({
      services: [workflow({ name: runService(namespace), handlers: { run: async () => {} } })],
      bidirectional: false,
    });
    const old = createHttp2Server(older).listen(workerPort, '127.0.0.1');
    await once(old, 'listening');
    const uri = `http://127.0.0.1:${workerPort}${journalPath}/${namespace}`;
    const handlers = async () => {
      const answer = await fetch(`${server.adminUrl}/services/${runService(namespace)}/handlers`);
      const { handlers: all } = (await answer.json()) as { handlers: { name: string }[] };
      return all.map(({ name }) => name).sort();
    };
    const registered = await fetch(`${server.adminUrl}/deployments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ uri }),
    });
    assert.equal(registered.status, 201);
    assert.deepEqual(await handlers(), ['run']);
    const sessions: { destroy(): void }[] = [];
    old.on('session', (session) => sessions.push(session));
    old.close();

    const warnings: string[] = [];
    const flow = flowOf('patches', (step) => step.patched('new'));
    const onWarning = (message: string) => void warnings.push(message);
    const engine = await open(context, { namespace, workerPort, flows: [flow], onWarning });
    await engine.registered();
    assert.deepEqual(await handlers(), ['cancel', 'patch', 'restart', 'run', 'signal', 'terminating']);
    const { runId } = await engine.start(flow, null);
    assert.equal((await engine.wait(runId)).output, true);
    const revision = async () => {
      const answer = await fetch(`${server.adminUrl}/services/${runService(namespace)}`);
      return ((await answer.json()) as { revision: number }).revision;
    };
    const before = await revision();
    await engine.stop(0);
    const again = await open(context, { namespace, workerPort, flows: [flow] });
    await again.registered();
    assert.equal(await revision(), before, 'what is known is not looked at again');
  });

  test('a step that a stopping worker has not ended within its time is made again by another, under the same key', async (context) => {
    const [namespace, ports] = ['handed-over', [await freePort(), await freePort()]];
    const ready = [true, true];
    const probe = createServer(({ url }, response) => {
      response.writeHead(ready[Number(url!.slice(1))] ? 200 : 503).end();
    });
    await once(probe.listen(0, '127.0.0.1'), 'listening');
    context.after(() => probe.close());
    const balancer = await startWorkerBalancer(
      ports.map((port, index) => ({
        url: `http://127.0.0.1:${port}`,
        readyUrl: `http://127.0.0.1:${(probe.address() as AddressInfo).port}/${index}`,
      })),
      0,
    );
    context.after(() => balancer.close());
    const keys: string[] = [];
    const begun = Promise.withResolvers<void>();
    const slow = flowOf('slow', (step) =>
      step.run('slow', async ({ idempotencyKey, signal }) => {
        keys.push(idempotencyKey);
        begun.resolve();
        await once(signal, 'abort');
      }),
    );
    const quick = flowOf('slow', (step) =>
      step.run('slow', ({ idempotencyKey }) => {
        keys.push(idempotencyKey);
        return 'done';
      }),
    );
    const options = { namespace, workerUrl: balancer.url };
    const first = await open(context, { ...options, flows: [slow], workerPort: ports[0]! });
    await first.registered();
    const gateway = await open(context, { namespace, flows: [slow], executes: false });
    ready[1] = false;
    const { runId } = await gateway.start(slow, null);
    await begun.promise;
    await open(context, { ...options, flows: [quick], workerPort: ports[1]! });
    [ready[0], ready[1]] = [false, true];
    await first.stop(50);
    assert.equal(await until(gateway, runId), 'done');
    assert.deepEqual(keys, [`${runId}/0`, `${runId}/0`]);
  });

  test('runs of a version that one worker has find it in seconds, whichever is asked first', async (context) => {
    const ready = createServer((_, response) => void response.end());
    await once(ready.listen(0, '127.0.0.1'), 'listening');
    context.after(() => ready.close());
    const readyUrl = `http://127.0.0.1:${(ready.address() as AddressInfo).port}`;
    const ports = [await freePort(), await freePort()];
    const balancer = await startWorkerBalancer(
      ports.map((port) => ({ url: `http://127.0.0.1:${port}`, readyUrl })),
      0,
    );
    context.after(() => balancer.close());
    const first = flowOf('changing', (step) => step.run('which', () => 'first'));
    const second = { ...flowOf('changing', (step) => step.run('which', () => 'second')), version: 2 };
    const paused: string[] = [];
    const observer = { ...silentObserver, runPaused: (runId: string) => void paused.push(runId) };
    const workerUrl = balancer.url;
    await open(context, { workerUrl, observer, flows: [first], workerPort: ports[0]! });
    await open(context, { workerUrl, observer, flows: [first, second], workerPort: ports[1]! });
    const gateway = await open(context, { flows: [first, second], executes: false });
    const begun = Date.now();
    const run = async (n: number) => {
      const { runId } = await gateway.start(n % 2 === 0 ? first : second, null);
      return until(gateway, runId);
    };
    const outputs = await Promise.all(Array.from({ length: 20 }, (_, n) => run(n)));
    assert.deepEqual(
      outputs,
      outputs.map((_, n) => (n % 2 === 0 ? 'first' : 'second')),
    );
    assert.ok(Date.now() - begun < 20_000, `${Date.now() - begun} ms`);
  });
});

/** Of a run that may be shown as paused in between. */
async function until(engine: RestateEngine, runId: string): Promise<unknown> {
  for (;;) {
    const run = await engine.wait(runId);
    if (run.status === 'succeeded') return run.output;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
