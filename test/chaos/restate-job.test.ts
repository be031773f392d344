import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { answer, startReceiver } from '../fixtures/receiver.ts';
import { noServer, restateBinary, startRestateServer } from '../fixtures/restate-server.ts';
import { freePort, type ServerProcess, startServer } from '../fixtures/server-process.ts';
import { checkAnswered, postQuestion } from './asked.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const rounds = Number(process.env.CHAOS_KILLS ?? 6);
const senders = 4;

/** Asks until the server is gone, or `enough` says so; each 202 is known from then on. */
async function ask(server: ServerProcess, accepted: string[], enough: () => boolean): Promise<void> {
  while (!enough()) {
    try {
      const response = await postQuestion(server, accepted.length);
      if (response.status === 503) continue;
      const { tracking_id: trackingId } = (await response.json()) as { tracking_id: string };
      assert.equal(response.status, 202);
      accepted.push(trackingId);
      const status = await fetch(`${server.url}/webhook/${trackingId}`);
      assert.equal(status.status, 200, `${trackingId} is known from the moment of its 202`);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return;
    }
  }
}

test(`on Restate, Signalbox and Restate are killed in turn, ${rounds} times (seed ${seed}): each accepted question is answered and delivered`, {
  timeout: 240_000,
  skip: restateBinary() === undefined && noServer,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-chaos-'));
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const receiver = await startReceiver({ secret });
  const restate = await startRestateServer();
  context.after(() => receiver.close());
  context.after(() => restate.close());
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const random = seededRandom(seed);
  receiver.otherwise(() => (random() < 0.05 ? { kind: 'close_before_headers' } : answer(200)));
  const variables = {
    SIGNALBOX_ENGINE: 'restate',
    RESTATE_INGRESS_URLS: restate.ingressUrl,
    RESTATE_ADMIN_URL: restate.adminUrl,
    SIGNALBOX_WORKER_PORT: String(await freePort()),
    SIGNALBOX_DATA_DIR: folder,
    SIGNALBOX_WEBHOOK_SECRETS: secret,
    SIGNALBOX_DELIVERY_SCHEDULE: '1s,1s,1s,1s,1s,1s,1s,1s',
    SIGNALBOX_RATE_LIMIT: 'off',
    LOG_LEVEL: 'silent',
    WEBHOOK_URL: receiver.url,
  };
  const accepted: string[] = [];
  let server = await startServer(variables);
  context.after(() => server.kill());
  for (let round = 0; round < rounds; round++) {
    const before = accepted.length;
    let over = false;
    const asking = Promise.all(Array.from({ length: senders }, () => ask(server, accepted, () => over)));
    const until = Date.now() + 30_000;
    while (accepted.length < before + 10 + random() * 30 && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (round % 2 === 0) {
      await server.kill();
      await asking;
      server = await startServer(variables);
    } else {
      await restate.kill();
      await restate.start();
      over = true;
      await asking;
    }
  }
  assert.ok(accepted.length >= rounds * 10, `${accepted.length} questions were accepted`);
  context.diagnostic(`${accepted.length} questions accepted`);

  await checkAnswered(server, receiver, accepted);
  assert.equal(await server.stop(), 0, server.output());
});
