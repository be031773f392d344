import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { answerOf, createTestApp, type TestApp, type TestAppOptions } from '../../../test/fixtures/app.ts';
import { eventBridgeEvent, snsNotification, sqsRecords } from '../../../test/fixtures/aws-envelopes.ts';
import type { AgentAnswer } from '../../agents/agent.ts';

const local = { host: 'localhost' };
const paid = (fields: object = {}) => ({
  specversion: '1.0',
  id: 'e-1',
  source: '/shop/de',
  type: 'order.paid',
  data: { order: 7 },
  ...fields,
});
const subscription = (options: object = {}) => ({
  scheme: 'cloudevents',
  starts: { flow: 'query' },
  options: { input: { query: 'Who ordered {payload.data.order}?' }, ...options },
});

async function createApp(
  options: TestAppOptions = {},
  sources: Record<string, object> = {},
): Promise<TestApp> {
  const app = await createTestApp(options);
  const all = { orders: subscription({ events: ['order.*'], event_sources: ['/shop/*'] }), ...sources };
  for (const [name, payload] of Object.entries(all)) {
    const made = await app.server.inject({ method: 'PUT', url: `/sources/${name}`, headers: admin, payload });
    assert.equal(made.statusCode, 201, made.body);
  }
  return app;
}

const admin = { ...local, 'x-api-key': 'admin-key-0123456789' };
const keys = 'ops:admin:admin-key-0123456789,shop:ingest:ingest-key-0123456789';

const structured = 'application/cloudevents+json';
const post = (app: TestApp, body: object | string, type = structured, headers: Record<string, string> = {}) =>
  app.server.inject({
    method: 'POST',
    url: '/events',
    headers: { ...local, 'content-type': type, ...headers },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  });
const batch = (app: TestApp, ...events: object[]) => post(app, events, 'application/cloudevents-batch+json');
const statusesOf = (answer: { json: () => { events: { status: string }[] } }) =>
  answer.json().events.map(({ status }) => status);

describe('POST /events', () => {
  test('starts what a subscription starts, once for each event', async () => {
    const app = await createApp();
    const answer = await post(app, paid());
    assert.equal(answer.statusCode, 202);
    const { events, ...counts } = answer.json();
    assert.deepEqual(counts, { success: true, queued: 1, replayed: 0, ignored: 0, refused: 0 });
    const [{ runs, ...event }] = events;
    assert.deepEqual(event, { id: 'e-1', type: 'order.paid', status: 'queued' });
    assert.equal(runs[0].subscription, 'orders');
    await app.engine.wait(runs[0].run_id);
    const asked = (await app.server.inject({ url: `/webhook/${runs[0].run_id}`, headers: local })).json();
    assert.deepEqual(
      [asked.query, asked.source_system, asked.source_process],
      ['Who ordered 7?', 'orders', 'order.paid'],
    );

    const binary = {
      'ce-specversion': '1.0',
      'ce-id': 'e-1',
      'ce-source': '/shop/de',
      'ce-type': 'order.paid',
    };
    const again = await post(app, '{"order":7}', 'application/json', binary);
    assert.deepEqual([again.statusCode, again.headers['idempotent-replayed']], [200, 'true']);
    assert.deepEqual(again.json().events[0].runs, runs, 'in another mode it is the same event');
    assert.equal(
      (await post(app, paid({ source: '/shop/fr' }))).json().queued,
      1,
      'of another source it is another',
    );
  });

  test('starts nothing for what no subscription wants, and everything for what several want', async () => {
    const app = await createApp({}, { audit: subscription(), slow: subscription({ events: ['never'] }) });
    const answer = await post(app, paid());
    assert.deepEqual(
      answer.json().events[0].runs.map(({ subscription: name }: { subscription: string }) => name),
      ['audit', 'orders'],
    );
    const other = await createApp();
    const ignored = await post(other, paid({ source: '/elsewhere' }));
    assert.deepEqual([ignored.statusCode, statusesOf(ignored)], [200, ['ignored']]);
  });

  test('a batch with an event that is none is refused as a whole, with the place', async () => {
    const app = await createApp();
    const answer = await batch(app, paid(), paid({ id: '' }), paid({ type: 7 }));
    assert.equal(answer.statusCode, 422);
    assert.deepEqual(
      answer.json().errors.map(({ path }: { path: string }) => path),
      ['/1/id', '/2/type'],
    );
    const runs = await app.server.inject({ url: '/runs', headers: local });
    assert.deepEqual(runs.json().runs, []);
  });

  test('a batch of which some can start nothing says which: sent again, the others are not started twice', async () => {
    const app = await createApp();
    const send = () =>
      batch(
        app,
        paid(),
        paid({ id: 'e-2', source: '/elsewhere' }),
        paid({ id: 'e-3', data: { order: 'x'.repeat(11_000) } }),
        paid(),
      );
    const answer = await send();
    assert.equal(answer.statusCode, 207);
    const { success, events, ...counts } = answer.json();
    assert.deepEqual([success, counts.ignored, counts.refused], [false, 1, 1]);
    assert.equal(events[2].error.code, 'invalid_request');
    assert.equal(events[2].error.errors[0].path, '/query');
    assert.equal(events[0].runs[0].run_id, events[3].runs[0].run_id, 'the same event twice in one batch');
    const again = await send();
    assert.deepEqual(statusesOf(again), ['replayed', 'ignored', 'refused', 'replayed']);
    const single = await post(app, paid({ id: 'e-3', data: { order: 'x'.repeat(11_000) } }));
    assert.deepEqual([single.statusCode, single.json().code], [422, 'invalid_request']);
    assert.deepEqual((await batch(app)).json().events, []);
  });

  test('what may succeed later fails the request, so that it is sent again', async () => {
    const release = Promise.withResolvers<AgentAnswer>();
    const app = await createApp({ queueLimit: 1, answer: () => release.promise });
    const events = Array.from({ length: 400 }, (_, index) => paid({ id: `e-${index}` }));
    const answer = await batch(app, ...events);
    assert.deepEqual([answer.statusCode, answer.json().code], [503, 'queue_full']);
    assert.ok(answer.headers['retry-after']);
    release.resolve(answerOf('over'));
  });

  test('what is no event is 415, and what is no JSON 400', async () => {
    const app = await createApp();
    const statusOf = async (body: string, type: string) => (await post(app, body, type)).statusCode;
    assert.equal(await statusOf('{"hello":1}', 'application/json'), 415);
    assert.equal(await statusOf('<event/>', 'application/xml'), 415);
    assert.equal(await statusOf('{', structured), 400);
    assert.equal(await statusOf('', structured), 400);
    assert.equal(await statusOf('[]', structured), 422);
  });

  test('an event of EventBridge, a message of a topic and messages of a queue', async () => {
    const app = await createApp(
      {},
      {
        machines: subscription({
          events: ['EC2 *'],
          input: { query: 'What ran on {payload.detail.instance-id}?' },
        }),
      },
    );
    const state = await post(app, eventBridgeEvent(), 'application/json');
    assert.deepEqual([state.statusCode, state.json().events[0].id], [202, eventBridgeEvent().id]);
    const trigger = { definition_id: 'query', input_data: { query: 'What is open?' } };
    const notification = snsNotification(JSON.stringify(trigger));
    const sns = { 'x-amz-sns-message-type': 'Notification' };
    const sent = await post(app, notification, 'text/plain; charset=UTF-8', sns);
    assert.equal(sent.json().events[0].execution_id, `sns:${notification.MessageId}`);
    assert.deepEqual(statusesOf(await post(app, notification, 'text/plain', sns)), ['replayed']);
    const execution = await app.server.inject({
      url: `/executions/sns:${notification.MessageId}`,
      headers: local,
    });
    assert.deepEqual([execution.json().channel, execution.json().definition_id], ['sns', 'query']);
    const broken = JSON.stringify({ definition_id: 'lost', input_data: {} });
    const records = await post(
      app,
      sqsRecords(JSON.stringify(trigger), broken, '{"a":1}'),
      'application/json',
    );
    assert.deepEqual([records.statusCode, statusesOf(records)], [207, ['queued', 'refused', 'ignored']]);
    assert.equal(records.json().events[1].error.errors[0].path, '/definition_id');
  });

  test('what SNS asks about a subscription is told to whoever operates, and starts nothing', async () => {
    const source = { ...subscription(), scheme: 'basic', secrets: ['user:hush'] };
    const app = await createApp({}, { topic: source });
    const ask = (url: string, fields: object) =>
      app.server.inject({
        method: 'POST',
        url,
        headers: {
          ...local,
          'content-type': 'text/plain; charset=UTF-8',
          'x-amz-sns-message-type': 'SubscriptionConfirmation',
          authorization: `Basic ${btoa('user:hush')}`,
        },
        payload: JSON.stringify({ ...snsNotification(), Type: 'SubscriptionConfirmation', ...fields }),
      });
    const url = 'https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37';
    for (const door of ['/events', '/webhooks/topic']) {
      assert.equal((await ask(door, { SubscribeURL: url })).statusCode, 200, door);
      assert.ok(app.log.at(-1)!.includes(`open ${url}`), String(app.log.at(-1)));
      for (const evil of ['https://sns.us-west-2.amazonaws.com.evil.example/', 'http://127.0.0.1/', 'x']) {
        assert.equal((await ask(door, { SubscribeURL: evil })).statusCode, 200);
        assert.ok(!app.log.at(-1)!.includes(evil), String(app.log.at(-1)));
      }
    }
    assert.deepEqual((await app.server.inject({ url: '/runs', headers: local })).json().runs, []);
    const sent = await app.server.inject({
      method: 'POST',
      url: '/webhooks/topic',
      headers: {
        'content-type': 'text/plain; charset=UTF-8',
        'x-amz-sns-message-type': 'Notification',
        authorization: `Basic ${btoa('user:hush')}`,
      },
      payload: JSON.stringify(snsNotification('{"data":{"order":7}}')),
    });
    assert.deepEqual(
      [sent.statusCode, sent.json().runs[0].event_type],
      [202, 'com.amazonaws.sns.notification'],
    );
  });

  test('needs a key with the scope ingest; the Origin of a delivery is its sender, never a page', async () => {
    const app = await createApp({ apiKeys: keys });
    const send = async (headers: Record<string, string>) =>
      (await post(app, paid(), structured, headers)).statusCode;
    assert.equal(await send({}), 401);
    const key = { 'x-api-key': 'ingest-key-0123456789' };
    assert.equal(await send({ ...key, origin: 'eventgrid.azure.net' }), 202);
    assert.equal(await send({ ...key, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }), 403);
    const open = await createApp();
    assert.equal((await post(open, paid(), structured, { origin: 'https://evil.example' })).statusCode, 403);
  });

  test('a source with a limit of its own counts the requests that bring it something', async () => {
    const app = await createApp({}, { few: subscription({ events: ['rare'], rate_limit: '1/1m' }) });
    assert.equal((await post(app, paid({ type: 'rare' }))).statusCode, 202);
    assert.equal((await post(app, paid())).statusCode, 202);
    assert.equal((await post(app, paid({ type: 'rare', id: 'e-2' }))).statusCode, 429);
  });
});

describe('limits', () => {
  const few = subscription({ events: ['rare'], rate_limit: '1/1m' });
  const refusals = (answer: { json: () => { events: { error?: { code: string; status: number } }[] } }) =>
    answer.json().events.map(({ error }) => error && [error.code, error.status]);

  test('hold back the subscription alone that is over its own', async () => {
    const app = await createApp({}, { few, orders: subscription() });
    assert.equal((await post(app, paid({ type: 'rare' }))).statusCode, 202);
    const both = await post(app, paid({ type: 'rare', id: 'e-2' }));
    assert.deepEqual([both.statusCode, statusesOf(both)], [207, ['refused']]);
    assert.deepEqual(refusals(both), [['rate_limited', 429]]);
    assert.deepEqual(
      both.json().events[0].runs.map((run: { subscription: string }) => run.subscription),
      ['orders'],
    );
  });

  test('hold back events of a batch beyond it, and the request when all are held back', async () => {
    const app = await createApp({}, { few });
    const rare = [1, 2].map((n) => paid({ type: 'rare', id: `r-${n}` }));
    const some = await batch(app, rare[0]!, rare[1]!, paid());
    assert.deepEqual([some.statusCode, statusesOf(some)], [207, ['queued', 'refused', 'queued']]);
    assert.deepEqual(refusals(some), [undefined, ['rate_limited', 429], undefined]);
    const all = await batch(app, ...rare, paid({ type: 'nobody wants' }));
    assert.deepEqual([all.statusCode, all.json().code], [429, 'rate_limited']);
    assert.ok(Number(all.headers['retry-after']) > 0);
  });

  test('count the events of a batch; one that is larger than the limit takes a whole window', async () => {
    let now = Date.now();
    const rateLimit = { count: 5, windowMs: 60_000 };
    const source = { ...subscription({ rate_limit: '5/1m' }), scheme: 'none' };
    const app = await createApp({ rateLimit, clock: () => now }, { open: source });
    const send = (from: number, count: number, url = '/events') =>
      app.server.inject({
        ...{
          method: 'POST',
          url,
          headers: { ...local, 'content-type': 'application/cloudevents-batch+json' },
        },
        payload: JSON.stringify(Array.from({ length: count }, (_, n) => paid({ id: `e-${from + n}` }))),
      });
    for (const url of ['/events', '/webhooks/open']) {
      const first = await send(0, 3, url);
      assert.equal(first.statusCode, 202, first.body);
      assert.match(String(first.headers.ratelimit), /^"source";r=2;/);
      assert.equal((await send(3, 3, url)).statusCode, 429);
      now += 61_000;
      assert.equal((await send(3, 9, url)).statusCode, 202);
      assert.equal((await send(20, 1, url)).statusCode, 429);
      now += 61_000;
    }
  });
});

describe('events that are signed', () => {
  const signed = (body: string, secret = 'hush-hush') => ({
    'x-webhook-signature': createHmac('sha256', secret).update(body).digest('hex'),
  });
  const source = { ...subscription(), scheme: 'hmac', secrets: ['hush-hush'] };

  test('come to their source, in any mode and as an envelope, at either address', async () => {
    const app = await createApp({ apiKeys: keys }, { signed: source });
    const send = (url: string, body: string, type: string, headers: Record<string, string> = {}) =>
      app.server.inject({
        method: 'POST',
        url,
        payload: body,
        headers: { 'content-type': type, ...signed(body), ...headers },
      });
    const one = JSON.stringify(paid());
    const first = await send('/events/signed', one, structured);
    assert.deepEqual([first.statusCode, first.json().runs[0].event_type], [202, 'order.paid']);
    assert.equal((await send('/webhooks/signed', one, structured)).statusCode, 200, 'the same event');
    const two = JSON.stringify([paid(), paid({ id: 'e-2' })]);
    const batched = await send('/events/signed', two, 'application/cloudevents-batch+json');
    assert.equal(batched.json().runs.length, 2);
    const bridged = await send('/events/signed', JSON.stringify(eventBridgeEvent()), 'application/json');
    assert.match(bridged.json().runs[0].event_type, /^EC2/);
    const forged = await send('/events/signed', one, structured, signed(one, 'other'));
    assert.equal(forged.statusCode, 401);
    const subscribed = await send('/webhooks/orders', one, structured);
    assert.equal(subscribed.statusCode, 401, 'a subscription lets nobody in by its name');
  });
});

describe('the handshake of the webhook specification', () => {
  const ask = (app: TestApp, url: string, headers: Record<string, string>) =>
    app.server.inject({ method: 'OPTIONS', url, headers: { ...local, ...headers } });
  const origin = { 'webhook-request-origin': 'eventemitter.example.com' };

  test('is answered with the origin and the rate, for a source that is there and for who may send', async () => {
    const limited = { rateLimit: { count: 6_000, windowMs: 60_000 } };
    const app = await createApp(
      { apiKeys: keys, ...limited },
      { slow: subscription({ rate_limit: '10/1s' }) },
    );
    const key = { 'x-api-key': 'ingest-key-0123456789' };
    const answer = await ask(app, '/events', { ...origin, ...key, 'webhook-request-rate': '120' });
    assert.equal(answer.statusCode, 204);
    const { allow, 'webhook-allowed-origin': allowed, 'webhook-allowed-rate': rate } = answer.headers;
    assert.deepEqual([allow, allowed, rate], ['POST', 'eventemitter.example.com', '120']);
    const rateOf = async (url: string, headers: Record<string, string> = {}) =>
      (await ask(app, url, { ...origin, ...headers })).headers['webhook-allowed-rate'];
    assert.equal(await rateOf('/events/slow'), '600');
    assert.equal(await rateOf('/webhooks/orders', { 'webhook-request-rate': '100000' }), '6000');
    assert.equal(await rateOf('/webhooks/orders', { 'webhook-request-rate': '-1' }), '6000');
    assert.equal((await ask(app, '/events', origin)).statusCode, 401);
    assert.equal((await ask(app, '/webhooks/none', origin)).statusCode, 404);
    assert.equal((await ask(app, '/webhooks/orders', {})).statusCode, 400);
    const injected = await ask(app, '/webhooks/orders', { 'webhook-request-origin': 'a b' });
    assert.equal(injected.statusCode, 400);
  });

  test('without a limit any rate is allowed', async () => {
    const app = await createApp();
    assert.equal((await ask(app, '/events', origin)).headers['webhook-allowed-rate'], '*');
  });
});
