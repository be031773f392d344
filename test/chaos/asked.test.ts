import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startReceiver } from '../fixtures/receiver.ts';
import type { ServerProcess } from '../fixtures/server-process.ts';
import { checkAnswered, life } from './asked.ts';

const key = Buffer.alloc(24, 1);

/** A server that shows these types of events for its only conversation, and has made these deliveries. */
async function checked(
  context: TestContext,
  {
    types = life,
    deliveries = ['d'],
    secret = key,
    accepted = ['t'],
  }: {
    types?: readonly string[];
    deliveries?: readonly string[];
    secret?: Buffer;
    accepted?: readonly string[];
  } = {},
): Promise<void> {
  const receiver = await startReceiver({ secret: `whsec_${key.toString('base64')}` });
  const server = createServer((request, response) => {
    const events = types.map((type) => `data: ${JSON.stringify({ event_type: type })}\n\n`).join('');
    if (request.url === '/webhook/t/events') response.end(events);
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  context.after(() => receiver.close());
  for (const deliveryId of deliveries) {
    const body = JSON.stringify({ tracking_id: 't', webhook_metadata: { delivery_id: deliveryId } });
    const at = String(Math.floor(Date.now() / 1_000));
    const signature = createHmac('sha256', secret).update(`${deliveryId}.${at}.${body}`).digest('base64');
    const headers = {
      'webhook-id': deliveryId,
      'webhook-timestamp': at,
      'webhook-signature': `v1,${signature}`,
    };
    await fetch(receiver.url, { method: 'POST', body, headers });
  }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await checkAnswered({ url, output: () => '' } as ServerProcess, receiver, accepted);
}

test('the check of the server tests holds for a question that was answered', async (context) => {
  await checked(context);
  await checked(context, { deliveries: ['d', 'd'] });
  await checked(context, { types: life.toSpliced(5, 0, 'WEBHOOK_DELIVERY_FAILED') });
});

test('the check of the server tests can fail', async (context) => {
  const cases: [string, Parameters<typeof checked>[1], RegExp][] = [
    ['a question that was accepted is not known', { accepted: ['t', 'lost'] }, /the record of lost/],
    ['an event is missing', { types: life.toSpliced(2, 1) }, /the record of t/],
    ['an event is there twice', { types: life.toSpliced(2, 0, life[2]!) }, /the record of t/],
    [
      'two events are in the wrong order',
      { types: [life[1]!, life[0]!, ...life.slice(2)] },
      /the record of t/,
    ],
    ['it was not delivered', { deliveries: [] }, /delivered under one webhook-id/],
    ['it was delivered under two ids', { deliveries: ['d', 'e'] }, /delivered under one webhook-id/],
    ['it was signed with another secret', { secret: Buffer.alloc(24, 2) }, /is signed/],
  ];
  for (const [what, wrong, message] of cases) {
    await assert.rejects(checked(context, wrong), { name: 'AssertionError', message }, what);
  }
});
