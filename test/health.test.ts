import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../src/engine/contract/harness.ts';
import { canMount, fillDisk, smallDisk } from './chaos/small-disk.ts';
import { startIssuer } from './fixtures/issuer.ts';
import { type ServerProcess, startServer } from './fixtures/server-process.ts';

/** Parts of a running process that go down, and come back, as `GET /health` tells it. */
const folder = mkdtempSync(join(tmpdir(), 'signalbox-health-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Health {
  readonly status: string;
  readonly parts: Readonly<Record<string, { readonly status: string; readonly detail: string }>>;
}

async function healthOf(server: ServerProcess): Promise<Health> {
  return (await (await fetch(`${server.url}/health`)).json()) as Health;
}

/** Looks until the part is seen so, and gives what is said of it. */
async function until(server: ServerProcess, part: string, status: string, within = 20_000): Promise<string> {
  for (const end = Date.now() + within; ; await pause(50)) {
    const { parts } = await healthOf(server);
    if (parts[part]?.status === status) return parts[part].detail;
    assert.ok(Date.now() < end, `${part} is not ${status}: ${JSON.stringify(parts)}`);
  }
}

/** Something elsewhere, whose manners the test changes. */
async function place(context: TestContext) {
  const manners: { answer: RequestListener } = { answer: (_, response) => response.end('ok') };
  const server = createServer((request, response) => manners.answer(request, response)).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, manners };
}

const refuses =
  (status: number): RequestListener =>
  (_, response) =>
    response.writeHead(status).end();

test('what is elsewhere goes away, one after the other, and takes nothing down with it', async (context) => {
  const [issuer, agent, slack, collector] = await Promise.all([
    startIssuer(),
    place(context),
    place(context),
    place(context),
  ]);
  context.after(() => issuer.close());
  issuer.instead.set('default', refuses(500));
  const pem = join(folder, 'agent.pem');
  writeFileSync(pem, generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const server = await startServer({
    ...{ SIGNALBOX_DATA_DIR: join(folder, 'elsewhere'), SIGNALBOX_MONITORING_ALLOW: '127.0.0.0/8' },
    ...{ SIGNALBOX_OIDC_ISSUERS: issuer.url, SIGNALBOX_OIDC_AUDIENCES: 'signalbox' },
    ...{ SIGNALBOX_AGENT_URL: `${agent.url}/agents/other`, SIGNALBOX_AGENT_NAME: 'asker' },
    ...{ SIGNALBOX_AGENT_PRIVATE_KEY: pem, SLACK_WEBHOOK_URL: `${slack.url}/services/secret` },
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '10' },
    SIGNALBOX_API_KEYS: 'me:admin:a-key-of-an-operator',
  });
  context.after(() => server.kill());
  const authorization = { authorization: 'Bearer a-key-of-an-operator' };
  const well = await healthOf(server);
  assert.deepEqual(Object.keys(well.parts), [
    ...['storage', 'engine', 'objects', 'warehouse', 'agent', 'delivery'],
    ...['identity', 'notifications', 'traces', 'disk'],
  ]);
  for (const part of ['agent', 'notifications', 'traces']) await until(server, part, 'HEALTHY');
  slack.manners.answer = refuses(500);
  const told = await fetch(`${server.url}/alarms/test`, { method: 'POST', headers: authorization });
  assert.equal(told.status, 202);
  assert.match(await until(server, 'identity', 'DOWN'), /The keys of the issuer .* cannot be read/);
  issuer.instead.clear();
  await until(server, 'identity', 'HEALTHY');

  agent.manners.answer = () => {};
  // What hangs elsewhere does not hold up those who ask whether requests are taken.
  await until(server, 'agent', 'DOWN');
  const seen = (path: string) => fetch(`${server.url}${path}`).then(() => path);
  await pause(300);
  assert.equal(await Promise.race([seen('/health'), seen('/health/ready')]), '/health/ready');
  assert.match(await until(server, 'agent', 'DOWN'), /Nobody answers at .*\/health\/live: .*timeout/);
  agent.manners.answer = (_, response) => response.writeHead(404).end();
  await until(server, 'agent', 'HEALTHY');

  collector.manners.answer = refuses(400);
  const body = {
    query: 'How many?',
    source_system: 'a',
    source_process: 'b',
    timestamp: new Date().toISOString(),
  };
  const ask = () =>
    fetch(`${server.url}/webhook`, {
      ...{ method: 'POST', body: JSON.stringify(body) },
      headers: { ...authorization, 'content-type': 'application/json' },
    });
  await ask();
  assert.match(await until(server, 'traces', 'DEGRADED'), /not taken: It answered 400/);
  const { status, parts } = await healthOf(server);
  assert.equal(status, 'DEGRADED', JSON.stringify(parts));

  collector.manners.answer = (_, response) => response.end();
  await ask();
  await until(server, 'traces', 'HEALTHY');
  const failing = await until(server, 'notifications', 'DEGRADED', 40_000);
  assert.match(failing, /slack \d+ times \(Slack did not take it\. .*500/);
  assert.doesNotMatch(failing, /secret/);
  const ready = await fetch(`${server.url}/health/ready`);
  assert.equal(ready.status, 200);
});

const disk = smallDisk(join(tmpdir()), 1_000_000);
test('a disk that is full is seen before anybody writes, and so is that there is room again', {
  skip: !canMount(disk) && 'no file systems of its own may be mounted here',
}, async (context) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-health-disk-'));
  const server = await startServer({ SIGNALBOX_DATA_DIR: dataDir }, smallDisk(dataDir, 120_000_000));
  context.after(async () => {
    await server.kill();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await until(server, 'storage', 'HEALTHY');
  let giveBack = fillDisk(server, dataDir);
  assert.match(await until(server, 'storage', 'DOWN'), /could not|failed|full/i);
  const statusOf = async (path: string) => (await fetch(`${server.url}${path}`)).status;
  await eventually('neither is well', async () => {
    // What SQLite no longer needs of its log is room again.
    giveBack = fillDisk(server, dataDir);
    return (await statusOf('/health')) === 503 && (await statusOf('/health/ready')) === 503;
  });
  assert.equal((await healthOf(server)).parts.disk?.status, 'DEGRADED');
  giveBack();
  await until(server, 'storage', 'HEALTHY');
});
