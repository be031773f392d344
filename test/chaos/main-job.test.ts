import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../fixtures/random.ts';
import { answer, startReceiver } from '../fixtures/receiver.ts';
import { type ServerProcess, startServer } from '../fixtures/server-process.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const kills = Number(process.env.CHAOS_KILLS ?? 15);
const senders = 6;

const questions = [
  'What is the deal status for IXIS?',
  'What deals are closing this quarter?',
  'Show me pipeline analysis for Q4',
  'win rate by region last year',
  'which open deals look stale?',
  'new leads this month by source',
  'hello there',
];

/** The order of a life; each of these once. A failed delivery may come between queueing and success, any number of times. */
const life = [
  'WEBHOOK_REQUEST_RECEIVED',
  'WEBHOOK_MANAGER_AGENT_INVOKED',
  'WEBHOOK_MANAGER_AGENT_RESPONSE',
  'WEBHOOK_RESPONSE_CLASSIFIED',
  'WEBHOOK_OUTBOUND_QUEUED',
  'WEBHOOK_DELIVERY_SUCCESS',
  'WEBHOOK_CONVERSATION_COMPLETED',
];

/** Asks until the server is gone; notes the tracking id of each 202. */
async function ask(server: ServerProcess, random: () => number, accepted: string[]): Promise<void> {
  for (;;) {
    const body = {
      query: questions[Math.floor(random() * questions.length)],
      source_system: 'chaos',
      source_process: 'main job',
      timestamp: new Date().toISOString(),
    };
    try {
      const response = await fetch(`${server.url}/webhook`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const reply = (await response.json()) as { tracking_id: string };
      assert.equal(response.status, 202);
      accepted.push(reply.tracking_id);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return;
    }
  }
}

async function streamToEnd(server: ServerProcess, trackingId: string): Promise<string> {
  const url = `${server.url}/webhook/${trackingId}`;
  try {
    const response = await fetch(`${url}/events`, { signal: AbortSignal.timeout(60_000) });
    return await response.text();
  } catch (error) {
    const state = await (await fetch(url)).text();
    throw new Error(`${trackingId} has not come to its end: ${state}\n${server.output()}`, { cause: error });
  }
}

/** The types of a conversation's events, read from the stream until it ends. */
async function eventTypes(server: ServerProcess, trackingId: string): Promise<string[]> {
  const text = await streamToEnd(server, trackingId);
  return [...text.matchAll(/^data: (.*)$/gm)].map(
    (match) => (JSON.parse(match[1]!) as { event_type: string }).event_type,
  );
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

  const lives = new Map<string, string[]>();
  for (const trackingId of accepted) lives.set(trackingId, await eventTypes(server, trackingId));
  for (const [trackingId, types] of lives) {
    assert.deepEqual(
      types.filter((type) => type !== 'WEBHOOK_DELIVERY_FAILED'),
      life,
      `the record of ${trackingId}`,
    );
  }

  const webhookIds = new Map<string, Set<string>>();
  for (const delivery of receiver.received) {
    const { tracking_id: trackingId, webhook_metadata: metadata } = JSON.parse(delivery.body) as {
      tracking_id: string;
      webhook_metadata: { delivery_id: string };
    };
    assert.equal(delivery.verified, true, 'each delivery is signed');
    assert.equal(delivery.headers['webhook-id'], metadata.delivery_id);
    webhookIds.set(trackingId, (webhookIds.get(trackingId) ?? new Set()).add(metadata.delivery_id));
  }
  for (const trackingId of accepted) {
    assert.equal(webhookIds.get(trackingId)?.size, 1, `${trackingId} was delivered under one webhook-id`);
  }
  assert.equal(await server.stop(), 0, server.output());
});
