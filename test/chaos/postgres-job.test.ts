import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { noPostgres, postgresPrograms, startTestPostgres } from '../fixtures/postgres-server.ts';
import { answer, startReceiver } from '../fixtures/receiver.ts';
import { noServer, restateBinary, startRestateServer } from '../fixtures/restate-server.ts';
import { freePort, type ServerProcess, startServer } from '../fixtures/server-process.ts';
import { checkAnswered, postQuestion } from './asked.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const rounds = Number(process.env.CHAOS_KILLS ?? 2);
const senders = 2;
const skip = (restateBinary() === undefined && noServer) || (postgresPrograms() === undefined && noPostgres);

test(`on Restate and PostgreSQL, the worker dies and PostgreSQL restarts in turn, ${rounds} times (seed ${seed}): no request fails, and each question is answered, delivered and on the record`, {
  timeout: 240_000,
  skip,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-chaos-'));
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const [receiver, restate, postgres] = await Promise.all([
    startReceiver({ secret }),
    startRestateServer(),
    startTestPostgres(),
  ]);
  for (const server of [receiver, restate, postgres]) context.after(() => server.close());
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const random = seededRandom(seed);
  receiver.otherwise(() => (random() < 0.05 ? { kind: 'close_before_headers' } : answer(200)));
  const shared = {
    SIGNALBOX_ENGINE: 'restate',
    RESTATE_INGRESS_URLS: restate.ingressUrl,
    RESTATE_ADMIN_URL: restate.adminUrl,
    SIGNALBOX_WORKER_PORT: String(await freePort()),
    DATABASE_URL: await postgres.createDatabase(),
    SIGNALBOX_WEBHOOK_SECRETS: secret,
    SIGNALBOX_DELIVERY_SCHEDULE: '1s,1s,1s,1s,1s,1s,1s,1s',
    SIGNALBOX_RATE_LIMIT: 'off',
    LOG_LEVEL: 'error',
    WEBHOOK_URL: receiver.url,
  };
  const start = async (role: string): Promise<ServerProcess> => {
    const variables = { ...shared, SIGNALBOX_ROLE: role, SIGNALBOX_DATA_DIR: join(folder, role) };
    const server = await startServer(variables);
    context.after(() => server.kill());
    return server;
  };
  let worker = await start('worker');
  const gateway = await start('gateway');
  const accepted: string[] = [];
  let over = false;
  const ask = async () => {
    while (!over) {
      const response = await postQuestion(gateway, accepted.length);
      assert.equal(response.status, 202, await response.clone().text());
      const { tracking_id: trackingId } = (await response.json()) as { tracking_id: string };
      accepted.push(trackingId);
      const status = await fetch(`${gateway.url}/webhook/${trackingId}`);
      assert.equal(status.status, 200, `${trackingId} is known from the moment of its 202`);
    }
  };
  const asking = Promise.all(Array.from({ length: senders }, ask)).catch((cause) => {
    throw new Error(`A request failed: ${gateway.output()}`, { cause });
  });
  for (let round = 0; round < rounds; round++) {
    const enough = accepted.length + 10 + random() * 30;
    const until = Date.now() + 30_000;
    while (accepted.length < enough && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (round % 2 === 0) {
      await postgres.stop(random() < 0.5 ? 'immediate' : 'kill');
      // What was seen a moment ago may be told once more.
      const seen = async () => (await (await fetch(`${gateway.url}/health`)).json()) as Health;
      const soon = Date.now() + 10_000;
      let health = await seen();
      while (health.parts.storage.status !== 'DOWN' && Date.now() < soon) health = await seen();
      assert.equal(health.parts.storage.status, 'DOWN', JSON.stringify(health));
      await postgres.start();
    } else {
      await worker.kill();
      worker = await start('worker');
    }
  }
  over = true;
  await asking;
  assert.ok(accepted.length >= rounds * 10, `${accepted.length} questions were accepted`);
  context.diagnostic(`${accepted.length} questions accepted`);
  await checkAnswered(gateway, receiver, accepted);
  const soon = Date.now() + 10_000;
  const look = async () => (await (await fetch(`${gateway.url}/health`)).json()) as Health;
  let list = await look();
  while (list.parts.storage.status !== 'HEALTHY' && Date.now() < soon) list = await look();
  assert.equal(list.parts.storage.status, 'HEALTHY');
  assert.equal(await gateway.stop(), 0, gateway.output());
  assert.equal(await worker.stop(), 0, worker.output());
});

interface Health {
  readonly parts: { readonly storage: { readonly status: string } };
}
