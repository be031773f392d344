import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startGatewayBalancer } from '../src/cluster/gateway-balancer.ts';
import { startWorkerBalancer } from '../src/cluster/worker-balancer.ts';
import { noPostgres, postgresPrograms, startTestPostgres } from './fixtures/postgres-server.ts';
import { startReceiver } from './fixtures/receiver.ts';
import { noServer, restateBinary, startRestateServer } from './fixtures/restate-server.ts';
import { freePort, type ServerProcess, startServer } from './fixtures/server-process.ts';

const senders = 2;
const root = join(import.meta.dirname, '..');

/** The version before this one: set it to the last release when there is a new one. */
const earlier = '57d0f53';
const noEarlier = `commit ${earlier} is not here: this is no git checkout, or one without its history`;

/** The main program of the version before, unpacked in this folder; undefined where its sources are not to be had. */
function earlierVersion(folder: string): string | undefined {
  const sources = join(folder, 'earlier');
  mkdirSync(sources);
  const inRoot = { cwd: root, maxBuffer: 64 * 1024 * 1024 };
  const packed = spawnSync('git', ['archive', earlier, 'src', 'package.json'], inRoot);
  if (packed.status !== 0) return undefined;
  execFileSync('tar', ['-x', '-C', sources], { input: packed.stdout });
  symlinkSync(join(root, 'node_modules'), join(sources, 'node_modules'));
  return join(sources, 'src', 'main.ts');
}

/** The order of a life; each of these once. */
const life = [
  'WEBHOOK_REQUEST_RECEIVED',
  'WEBHOOK_MANAGER_AGENT_INVOKED',
  'WEBHOOK_MANAGER_AGENT_RESPONSE',
  'WEBHOOK_RESPONSE_CLASSIFIED',
  'WEBHOOK_OUTBOUND_QUEUED',
  'WEBHOOK_DELIVERY_SUCCESS',
  'WEBHOOK_CONVERSATION_COMPLETED',
];

test('two gateways and two workers of the version before are restarted with this one, and a worker with that one again, under load: no request fails, every answer comes once', {
  timeout: 240_000,
  skip: (restateBinary() === undefined && noServer) || (postgresPrograms() === undefined && noPostgres),
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-rolling-'));
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const before = earlierVersion(folder);
  const receiver = await startReceiver({ secret });
  const restate = await startRestateServer();
  const postgres = await startTestPostgres();
  const database = await postgres.createDatabase();
  const names = ['worker-1', 'worker-2', 'gateway-1', 'gateway-2'];
  const ports = new Map(
    await Promise.all(
      names.map(async (name) => [name, { http: await freePort(), worker: await freePort() }] as const),
    ),
  );
  const addresses = (role: string, port: 'http' | 'worker') =>
    names
      .filter((name) => name.startsWith(role))
      .map((name) => ({
        url: `http://127.0.0.1:${ports.get(name)![port]}`,
        readyUrl: `http://127.0.0.1:${ports.get(name)!.http}/health/ready`,
      }));
  const workers = await startWorkerBalancer(addresses('worker', 'worker'), 0);
  context.after(() => workers.close());

  const running = new Map<string, ServerProcess>();
  context.after(async () => {
    await Promise.all([...running.values()].map((server) => server.kill()));
    await Promise.all([receiver.close(), restate.close(), postgres.close()]);
    rmSync(folder, { recursive: true });
  });
  const start = async (name: string, main?: string) => {
    const variables = {
      SIGNALBOX_ROLE: name.split('-')[0]!,
      SIGNALBOX_ENGINE: 'restate',
      DATABASE_URL: database,
      RESTATE_INGRESS_URLS: restate.ingressUrl,
      RESTATE_ADMIN_URL: restate.adminUrl,
      SIGNALBOX_WORKER_PORT: String(ports.get(name)!.worker),
      SIGNALBOX_WORKER_URL: workers.url,
      SIGNALBOX_DATA_DIR: join(folder, name),
      SIGNALBOX_WEBHOOK_SECRETS: secret,
      SIGNALBOX_RATE_LIMIT: 'off',
      SIGNALBOX_DRAIN: '800ms',
      PORT: String(ports.get(name)!.http),
      LOG_LEVEL: 'warn',
      WEBHOOK_URL: receiver.url,
    };
    running.set(name, await startServer(variables, [], main));
  };
  await Promise.all(names.map((name) => start(name, before)));
  const gateways = await startGatewayBalancer(addresses('gateway', 'http'), 0);
  context.after(() => gateways.close());

  const accepted: string[] = [];
  const refused: string[] = [];
  let over = false;
  const ask = async () => {
    while (!over) {
      const response = await fetch(`${gateways.url}/webhook`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          query: 'How many accounts are there?',
          source_system: 'test',
          source_process: 'rolling',
          timestamp: new Date().toISOString(),
        }),
      });
      const text = await response.text();
      if (response.status !== 202) refused.push(`${response.status} ${text}`);
      else accepted.push((JSON.parse(text) as { tracking_id: string }).tracking_id);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const asking = Promise.all(Array.from({ length: senders }, ask));
  const restart = async (name: string, main?: string) => {
    const enough = accepted.length + 10;
    while (accepted.length < enough) await new Promise((resolve) => setTimeout(resolve, 5));
    const server = running.get(name)!;
    assert.equal(await server.stop(), 0, `${name}: ${server.output()}`);
    await start(name, main);
  };
  for (const name of names) await restart(name);
  // Whoever has second thoughts goes back.
  await restart('worker-1', before);
  over = true;
  await asking;
  assert.deepEqual(refused, []);
  context.diagnostic(`${accepted.length} questions accepted`);

  const until = Date.now() + 30_000;
  const delivered = () =>
    new Set(receiver.received.map(({ body }) => (JSON.parse(body) as { tracking_id: string }).tracking_id));
  while (delivered().size < accepted.length && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([...delivered()].sort(), [...accepted].sort());
  assert.ok(receiver.received.every(({ verified }) => verified));
  const doubled = receiver.received.length - accepted.length;
  assert.equal(doubled, 0, `${doubled} deliveries came twice`);
  for (const trackingId of accepted) {
    const events = await (await fetch(`${gateways.url}/webhook/${trackingId}/events`)).text();
    const types = [...events.matchAll(/^event: (.*)$/gm)].map((match) => match[1]);
    assert.deepEqual(types, life, `the record of ${trackingId}`);
  }
  await context.test('the version before took part', { skip: before === undefined && noEarlier }, () =>
    assert.notEqual(before, undefined),
  );
});
