import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { createTestApp, type TestApp } from '../../../test/fixtures/app.ts';
import {
  alertmanagerAlerts,
  grafanaAlerts,
  pagerdutyIncident,
  stripeEvent,
  zoomMeeting,
  zoomValidation,
} from '../../../test/fixtures/vendor-payloads.ts';

const secret = 'hush-hush-hush';
const local = { host: 'localhost' };
const at = Math.floor(Date.now() / 1_000) * 1_000;
const seconds = String(at / 1_000);
const hmac = (content: string, key = secret) => createHmac('sha256', key).update(content).digest('hex');

interface Vendor {
  readonly source: {
    readonly scheme: string;
    readonly options: object;
    readonly secrets?: readonly (string | object)[];
  };
  readonly payload: object;
  readonly sign: (body: string, key: string) => Record<string, string>;
  readonly question: string;
  readonly eventType: string;
}

/** How each vendor signs, as its documentation says. */
const vendors: Record<string, Vendor> = {
  'Grafana, with HMAC and a time': {
    source: {
      scheme: 'hmac',
      options: {
        header: 'X-Grafana-Alerting-Signature',
        timestamp_header: 'X-Grafana-Alerting-Timestamp',
        signed: '{timestamp}:{body}',
        event_key: 'status',
        input: { query: 'Whom does {payload.commonLabels.service} concern?' },
      },
    },
    payload: grafanaAlerts(),
    sign: (body, key) => ({
      'x-grafana-alerting-signature': hmac(`${seconds}:${body}`, key),
      'x-grafana-alerting-timestamp': seconds,
    }),
    question: 'Whom does checkout concern?',
    eventType: 'firing',
  },
  'Grafana, with HMAC alone': {
    source: {
      scheme: 'hmac',
      options: { header: 'X-Grafana-Alerting-Signature', input: { query: '{payload.title}' } },
    },
    payload: grafanaAlerts(),
    sign: (body, key) => ({ 'x-grafana-alerting-signature': hmac(body, key) }),
    question: '[FIRING:1] HighLatency (checkout critical)',
    eventType: 'webhook',
  },
  'Alertmanager, with a user and a password': {
    source: {
      scheme: 'basic',
      secrets: [`prometheus:${secret}`],
      options: { event_key: 'status', input: { query: '{payload.alerts.0.annotations.summary}?' } },
    },
    payload: alertmanagerAlerts(),
    sign: (_, key) => ({ authorization: `Basic ${btoa(`prometheus:${key}`)}` }),
    question: 'Checkout answers slowly?',
    eventType: 'firing',
  },
  'Alertmanager, with a bearer token': {
    source: {
      scheme: 'bearer',
      options: { event_key: 'status', input: { query: '{payload.groupKey}' } },
    },
    payload: alertmanagerAlerts(),
    sign: (_, key) => ({ authorization: `Bearer ${key}`, 'user-agent': 'Alertmanager/0.28.1' }),
    question: '{}/{severity="critical"}:{alertname="HighLatency"}',
    eventType: 'firing',
  },
  PagerDuty: {
    source: { scheme: 'pagerduty', options: { input: { query: 'What is {payload.event.data.title}?' } } },
    payload: pagerdutyIncident(),
    sign: (body, key) => ({
      'x-pagerduty-signature': `v1=${createHmac('sha256', 'the old one').update(body).digest('hex')},v1=${hmac(body, key)}`,
      'x-webhook-subscription': 'PABC123',
    }),
    question: 'What is Checkout answers slowly?',
    eventType: 'incident.priority_updated',
  },
  Stripe: {
    source: {
      scheme: 'stripe',
      options: { events: ['invoice.*'], input: { query: 'Who is {payload.data.object.account_name}?' } },
    },
    payload: stripeEvent(),
    sign: (body, key) => ({
      'stripe-signature': `t=${seconds},v1=${hmac(`${seconds}.${body}`, key)},v0=${'0'.repeat(64)}`,
    }),
    question: 'Who is Acme, Inc. – Größe “M”?',
    eventType: 'invoice.payment_failed',
  },
  Zoom: {
    source: {
      scheme: 'hmac',
      options: {
        header: 'x-zm-signature',
        prefix: 'v0=',
        signed: 'v0:{timestamp}:{body}',
        timestamp_header: 'x-zm-request-timestamp',
        event_key: 'event',
        handshake: 'zoom',
        input: { query: 'What came of {payload.payload.object.topic}?' },
      },
    },
    payload: zoomMeeting(),
    sign: (body, key) => ({
      'x-zm-signature': `v0=${hmac(`v0:${seconds}:${body}`, key)}`,
      'x-zm-request-timestamp': seconds,
    }),
    question: 'What came of Renewal Acme?',
    eventType: 'meeting.ended',
  },
};

async function createApp(sources: Record<string, Vendor['source']>): Promise<TestApp> {
  const app = await createTestApp({ clock: () => at });
  for (const [name, source] of Object.entries(sources)) {
    const payload = { secrets: [secret], starts: { flow: 'query' }, ...source };
    const made = await app.server.inject({ method: 'PUT', url: `/sources/${name}`, headers: local, payload });
    assert.equal(made.statusCode, 201, made.body);
  }
  return app;
}

const post = (app: TestApp, body: string, headers: Record<string, string>) =>
  app.server.inject({
    method: 'POST',
    url: '/webhooks/vendor',
    payload: body,
    headers: { 'content-type': 'application/json', ...headers },
  });

describe('webhooks as their vendors send and sign them', () => {
  for (const [name, { source, payload, sign, question, eventType }] of Object.entries(vendors)) {
    test(name, async () => {
      const app = await createApp({ vendor: source });
      for (const body of [JSON.stringify(payload), JSON.stringify(payload, null, 2)]) {
        const answer = await post(app, body, sign(body, secret));
        assert.ok([200, 202].includes(answer.statusCode), answer.body);
        const [run] = answer.json().runs;
        assert.equal(run.event_type ?? 'webhook', eventType);
        const shown = await app.server.inject({ url: `/webhook/${run.run_id}`, headers: local });
        assert.deepEqual([shown.json().query, shown.json().source_process], [question, eventType]);
      }
      const body = JSON.stringify(payload);
      const signed = sign(body, secret);
      for (const header of Object.keys(signed).filter((one) => /signature|authorization/.test(one))) {
        const { [header]: _, ...unsigned } = signed;
        assert.equal((await post(app, body, unsigned)).statusCode, 401, header);
      }
      assert.equal((await post(app, body, sign(body, 'another'))).statusCode, 401, 'another secret');
      const isSigned = Object.keys(signed).some((one) => one.endsWith('signature'));
      const changed = await post(app, body.replace('{', '{ '), signed);
      assert.equal(changed.statusCode, isSigned ? 401 : 202, 'a changed body');
    });
  }

  test('an alert that is told again later is another one where the time is signed', async () => {
    let now = at;
    const app = await createTestApp({ clock: () => now });
    const { source, payload } = vendors['Grafana, with HMAC and a time']!;
    const body = JSON.stringify(payload);
    await app.server.inject({
      ...{ method: 'PUT', url: '/sources/vendor', headers: local },
      payload: { secrets: [secret], starts: { flow: 'query' }, ...source },
    });
    const send = (time: number) =>
      post(app, body, {
        'x-grafana-alerting-signature': hmac(`${time}:${body}`),
        'x-grafana-alerting-timestamp': String(time),
      });
    const first = at / 1_000;
    assert.deepEqual([(await send(first)).statusCode, (await send(first)).statusCode], [202, 200]);
    now += 4 * 3_600_000;
    assert.equal((await send(first)).statusCode, 401);
    assert.equal((await send(now / 1_000)).statusCode, 202);
  });
});

describe('the questions of vendors whether we are there', () => {
  const input = { query: 'What is new?' };
  const signed = { header: 'x-signature', input };
  const get = (app: TestApp, url: string, headers: Record<string, string> = {}) =>
    app.server.inject({ url: `/webhooks/${url}`, headers });

  test('Dropbox gets its challenge, and nobody else one that could be a page', async () => {
    const app = await createApp({
      dropbox: { scheme: 'hmac', options: { ...signed, handshake: 'dropbox' } },
    });
    const answer = await get(app, 'dropbox?challenge=A4kHzW-_9');
    assert.deepEqual([answer.statusCode, answer.body], [200, 'A4kHzW-_9']);
    assert.match(String(answer.headers['content-type']), /^text\/plain/);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    for (const query of ['', '?challenge=', '?challenge=<script>', `?challenge=${'x'.repeat(600)}`]) {
      const refused = await get(app, `dropbox${query}`);
      assert.deepEqual([refused.statusCode, refused.headers.allow], [405, 'POST'], query);
    }
    assert.equal((await get(app, 'lost?challenge=a')).statusCode, 404);
  });

  test('Meta gets it with the verify token alone', async () => {
    const app = await createApp({
      meta: { scheme: 'hmac', options: { ...signed, handshake: 'meta', verify_token: 'verify-me' } },
    });
    const ask = (token: string) =>
      get(app, `meta?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=1158201444`);
    const answer = await ask('verify-me');
    assert.deepEqual([answer.statusCode, answer.body], [200, '1158201444']);
    assert.equal((await ask('other')).statusCode, 405);
    assert.equal((await ask(encodeURIComponent(secret))).statusCode, 405, 'a secret is no verify token');
    assert.equal((await get(app, 'meta?hub.challenge=1')).statusCode, 405);
    const body = '{"a":1}';
    const forged = await app.server.inject({
      ...{ method: 'POST', url: '/webhooks/meta', payload: body },
      headers: { 'content-type': 'application/json', 'x-signature': hmac(body, 'verify-me') },
    });
    assert.equal(forged.statusCode, 401, 'the verify token signs nothing');
    for (const url of ['/sources', '/sources/meta']) {
      const shown = await app.server.inject({ url, headers: local });
      assert.doesNotMatch(shown.body, /verify-me|verify_token/);
    }
  });

  test('Okta gets it from its header', async () => {
    const app = await createApp({ okta: { scheme: 'bearer', options: { handshake: 'okta', input } } });
    const answer = await get(app, 'okta', { 'x-okta-verification-challenge': 'MDk4NzY1' });
    assert.deepEqual([answer.statusCode, answer.json()], [200, { verification: 'MDk4NzY1' }]);
  });

  test('X gets the HMAC of its token, and no HMAC of what could be a webhook', async () => {
    const app = await createApp({ x: { scheme: 'hmac', options: { ...signed, handshake: 'x' } } });
    const answer = await get(app, 'x?crc_token=MWQ1OTY5ODE&nonce=1');
    assert.deepEqual(answer.json(), {
      response_token: `sha256=${Buffer.from(hmac('MWQ1OTY5ODE'), 'hex').toString('base64')}`,
    });
    for (const token of ['{}', '[1]', '"a"', 'a b', 'a%0Ab']) {
      assert.equal((await get(app, `x?crc_token=${encodeURIComponent(token)}`)).statusCode, 405, token);
    }
  });

  test('nothing that X was told is the signature of a webhook', async () => {
    const app = await createApp({ x: { scheme: 'hmac', options: { ...signed, handshake: 'x' } } });
    const send = (body: string, type: string, headers: Record<string, string> = {}) =>
      app.server.inject({
        ...{ method: 'POST', url: '/webhooks/x', payload: body },
        headers: { 'content-type': type, 'x-signature': hmac(body), ...headers },
      });
    const form = 'application/x-www-form-urlencoded';
    const event = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/a', 'ce-type': 'a' };
    for (const body of ['query=What', 'query=', '12345', 'true', 'null']) {
      const answer = await get(app, `x?crc_token=${encodeURIComponent(body)}`);
      const sent = [
        await send(body, form),
        await send(body, 'application/json'),
        await send(body, 'text/plain', event),
      ];
      for (const { statusCode, body: told } of sent) assert.equal(statusCode, 400, `${body} ${told}`);
      assert.ok([200, 405].includes(answer.statusCode));
    }
    for (const body of ['{"a":1}', ' \n[1]']) {
      assert.equal((await send(body, 'application/json')).statusCode, 202);
      assert.equal((await get(app, `x?crc_token=${encodeURIComponent(body)}`)).statusCode, 405);
    }
  });

  test('while no secret is valid nobody is answered', async () => {
    const secrets = [{ secret, not_after: new Date(at - 1).toISOString() }];
    const app = await createApp({ x: { scheme: 'hmac', secrets, options: { ...signed, handshake: 'x' } } });
    assert.equal((await get(app, 'x?crc_token=MWQ1OTY5ODE')).statusCode, 405);
  });

  test('a flood of questions takes nothing from the webhooks of the source', async () => {
    const app = await createApp({
      x: { scheme: 'hmac', options: { ...signed, handshake: 'x', rate_limit: '2/1m' } },
    });
    const asked = [];
    for (let count = 0; count < 61; count++) asked.push(await get(app, 'x?crc_token=a'));
    assert.deepEqual(
      [asked[59]?.statusCode, asked[59]?.headers.ratelimit, asked[60]?.statusCode],
      [200, '"handshake";r=0;t=60', 429],
    );
    const sent = await app.server.inject({
      ...{ method: 'POST', url: '/webhooks/x', payload: '{}' },
      headers: { 'content-type': 'application/json', 'x-signature': hmac('{}') },
    });
    assert.equal(sent.statusCode, 202);
  });

  test('Zoom gets it when its question is signed', async () => {
    const { source, sign } = vendors.Zoom!;
    const app = await createApp({ vendor: source });
    const body = JSON.stringify(zoomValidation());
    const answer = await post(app, body, sign(body, secret));
    assert.deepEqual(
      [answer.statusCode, answer.json()],
      [200, { plainToken: 'qgg8vlvZRS6UYooatFL8Aw', encryptedToken: hmac('qgg8vlvZRS6UYooatFL8Aw') }],
    );
    assert.equal((await post(app, body, {})).statusCode, 401);
    assert.equal((await get(app, 'vendor?challenge=a')).statusCode, 405);
  });

  test('a verify token is refused where it is missing, unused or a secret', async () => {
    const app = await createTestApp();
    for (const options of [
      { handshake: 'meta' },
      { handshake: 'meta', verify_token: secret },
      { handshake: 'x', verify_token: 'verify-me' },
      { verify_token: 'verify-me' },
    ]) {
      const made = await app.server.inject({
        ...{ method: 'PUT', url: '/sources/a', headers: local },
        payload: {
          scheme: 'hmac',
          secrets: [secret],
          starts: { flow: 'query' },
          options: { input, ...options },
        },
      });
      assert.equal(made.statusCode, 422, made.body);
      assert.equal(made.json().errors[0].path, '/options/verify_token');
    }
  });

  test('a handshake that nobody knows is refused when the source is made', async () => {
    const app = await createTestApp();
    const payload = { scheme: 'hmac', secrets: [secret], starts: { flow: 'query' } };
    const made = await app.server.inject({
      ...{ method: 'PUT', url: '/sources/a', headers: local },
      payload: { ...payload, options: { input, handshake: 'dropbx' } },
    });
    assert.equal(made.statusCode, 422);
  });
});
