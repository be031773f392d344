import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { answer, startReceiver } from '../fixtures/receiver.ts';
import { type ServerProcess, startServer } from '../fixtures/server-process.ts';
import { checkAnswered, postQuestion } from './asked.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const kills = Number(process.env.CHAOS_KILLS ?? 15);
const senders = 6;

/** Asks until the server is gone; notes the tracking id of each 202. */
async function ask(server: ServerProcess, random: () => number, accepted: string[]): Promise<void> {
  for (;;) {
    try {
      const response = await postQuestion(server, Math.floor(random() * 7));
      const reply = (await response.json()) as { tracking_id: string };
      assert.equal(response.status, 202);
      accepted.push(reply.tracking_id);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return;
    }
  }
}

test(`the server is killed ${kills} times (seed ${seed}): each accepted question is answered and delivered`, {
  timeout: 240_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-chaos-'));
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const receiver = await startReceiver({ secret });
  context.after(() => receiver.close());
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const random = seededRandom(seed);
  receiver.otherwise(() => {
    const luck = random();
    return luck < 0.03 ? answer(503) : luck < 0.06 ? { kind: 'close_before_headers' } : answer(200);
  });
  const variables = {
    SIGNALBOX_DATA_DIR: folder,
    SIGNALBOX_WEBHOOK_SECRETS: secret,
    SIGNALBOX_DELIVERY_SCHEDULE: '1s,1s,1s,1s,1s,1s,1s,1s',
    SIGNALBOX_RATE_LIMIT: 'off',
    // It is killed again and again, by no run's fault.
    SIGNALBOX_PARK_AFTER_CRASHES: 'off',
    WEBHOOK_URL: receiver.url,
  };
  const accepted: string[] = [];
  for (let round = 0; round < kills; round++) {
    const server = await startServer(variables);
    const asking = Promise.all(Array.from({ length: senders }, () => ask(server, random, accepted)));
    await new Promise((resolve) => setTimeout(resolve, 100 + random() * 600));
    await server.kill();
    await asking;
  }
  const server = await startServer(variables);
  context.after(() => server.kill());
  assert.ok(accepted.length > kills * senders, `${accepted.length} questions were accepted`);
  context.diagnostic(`${accepted.length} questions accepted`);

  await checkAnswered(server, receiver, accepted);
  assert.equal(await server.stop(), 0, server.output());
});
