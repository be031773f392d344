import assert from 'node:assert/strict';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readExposition } from './fixtures/exposition.ts';
import { noPostgres, postgresPrograms, startTestPostgres } from './fixtures/postgres-server.ts';
import { startReceiver } from './fixtures/receiver.ts';
import { noServer, restateBinary, startRestateServer } from './fixtures/restate-server.ts';
import { freePort, type ServerProcess, startServer } from './fixtures/server-process.ts';

test('a gateway takes what a worker executes', {
  timeout: 120_000,
  skip: (restateBinary() === undefined && noServer) || (postgresPrograms() === undefined && noPostgres),
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-roles-'));
  const receiver = await startReceiver();
  const restate = await startRestateServer();
  const postgres = await startTestPostgres();
  const database = await postgres.createDatabase();
  const running: ServerProcess[] = [];
  context.after(async () => {
    await Promise.all(running.map((server) => server.kill()));
    await Promise.all([receiver.close(), restate.close(), postgres.close()]);
    rmSync(folder, { recursive: true });
  });
  const workerPort = String(await freePort());
  const start = async (role: string) => {
    const variables = {
      SIGNALBOX_ENGINE: 'restate',
      RESTATE_INGRESS_URLS: restate.ingressUrl,
      RESTATE_ADMIN_URL: restate.adminUrl,
      // The same for both: a gateway does not listen there.
      SIGNALBOX_WORKER_PORT: workerPort,
      SIGNALBOX_DATA_DIR: join(folder, role),
      SIGNALBOX_ROLE: role,
      DATABASE_URL: database,
      SIGNALBOX_OBJECTS_DIR: join(folder, 'objects'),
      ENABLE_CONVERSATION_EXPORT: 'true',
      SIGNALBOX_DRAIN: '100ms',
      LOG_LEVEL: 'silent',
      WEBHOOK_URL: receiver.url,
    };
    const server = await startServer(variables);
    running.push(server);
    return server;
  };
  const worker = await start('worker');
  const gateway = await start('gateway');
  const ask = (url: string) =>
    fetch(`${url}/webhook`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query: 'How many accounts are there?',
        source_system: 'test',
        source_process: 'roles',
        timestamp: new Date().toISOString(),
      }),
    });

  const accepted = await ask(gateway.url);
  assert.equal(accepted.status, 202, await accepted.clone().text());
  const { tracking_id: trackingId } = (await accepted.json()) as { tracking_id: string };
  await receiver.waitFor(1);
  const delivered = JSON.parse(receiver.received[0]!.body) as { tracking_id: string };
  assert.equal(delivered.tracking_id, trackingId);

  const events = await (await fetch(`${gateway.url}/webhook/${trackingId}/events`)).text();
  assert.match(events, /event: WEBHOOK_CONVERSATION_COMPLETED/, 'the gateway sees what the worker does');

  const exported = () => globSync('**/*.json', { cwd: join(folder, 'objects') });
  while (exported().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));

  const families = await Promise.all(
    [worker, gateway].map(async ({ url }) => readExposition(await (await fetch(`${url}/metrics`)).text())),
  );
  const sumsOf = (name: string) =>
    families.map((read) => read.get(name)!.samples.reduce((sum, { value }) => sum + value, 0));
  const total = (name: string) => sumsOf(name).reduce((sum, value) => sum + value, 0);
  assert.equal(total('signalbox_requests_accepted_total'), 1, 'counted in one of them');
  assert.equal(total('signalbox_conversations_completed_total'), 1);
  assert.equal(total('signalbox_delivery_attempts_total'), 1);
  assert.deepEqual(sumsOf('signalbox_conversations'), [1, 1], 'of all processes, in each');

  const refused = await ask(worker.url);
  assert.equal(refused.status, 404);
  assert.match(await refused.text(), /requests go to a gateway/);
  const parts = async (url: string) =>
    Object.keys(((await (await fetch(`${url}/health`)).json()) as { parts: object }).parts);
  assert.deepEqual(await parts(worker.url), [
    'storage',
    'engine',
    'objects',
    'warehouse',
    'agent',
    'delivery',
    'disk',
  ]);
  assert.deepEqual(await parts(gateway.url), ['storage', 'engine', 'objects', 'delivery', 'disk']);
  assert.match(await (await fetch(`${gateway.url}/`)).text(), /At the workers/);
  assert.match(worker.output(), /A worker of Signalbox is ready/);
  assert.equal(await gateway.stop(), 0, gateway.output());
  assert.equal(await worker.stop(), 0, worker.output());
});
