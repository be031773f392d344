import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { createTestApp, type TestApp, type TestAppOptions } from '../../../test/fixtures/app.ts';

const tracker = {
  scheme: 'github',
  secrets: ['hush-hush'],
  starts: { flow: 'query' },
  options: {
    events: ['issues'],
    input: {
      query: 'Which deals does {payload.issue.title} touch?',
      source_process: 'issue {payload.action}',
    },
  },
};

const admin = { 'x-api-key': 'admin-key-0123456789' };

async function createApp(options: TestAppOptions = {}): Promise<TestApp> {
  const app = await createTestApp({ apiKeys: 'ops:admin:admin-key-0123456789', ...options });
  assert.equal((await put(app, 'tracker', tracker)).statusCode, 201);
  return app;
}

const put = (app: TestApp, name: string, body: object, headers: Record<string, string> = admin) =>
  app.server.inject({ method: 'PUT', url: `/sources/${name}`, headers, payload: body });

const post = (app: TestApp, url: string, payload: string | Buffer, headers: Record<string, string> = {}) =>
  app.server.inject({
    method: 'POST',
    url,
    payload,
    headers: { 'content-type': 'application/json', ...headers },
  });

function issue(body: string, headers: Record<string, string> = {}, secret = 'hush-hush') {
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  return {
    'x-github-event': 'issues',
    'x-github-delivery': 'd-1',
    'x-hub-signature-256': signature,
    ...headers,
  };
}

const body = '{"action":"opened","issue":{"title":"IXIS"}}';

describe('POST /webhooks', () => {
  test('starts a question of what was sent, which goes its whole way', async () => {
    const app = await createApp();
    const answer = await post(app, '/webhooks/tracker', body, issue(body));
    assert.equal(answer.statusCode, 202);
    const { runs, ...rest } = answer.json();
    assert.deepEqual(rest, {
      success: true,
      message: 'Webhook queued for processing',
      source: 'tracker',
      status: 'queued',
      ignored: 0,
    });
    assert.equal(runs[0].event_type, 'issues');
    await app.engine.wait(runs[0].run_id);
    const found = await app.server.inject({ url: `/webhook/${runs[0].run_id}`, headers: admin });
    const conversation = found.json();
    assert.equal(conversation.query, 'Which deals does IXIS touch?');
    assert.equal(conversation.source_system, 'tracker');
    assert.equal(conversation.source_process, 'issue opened');
  });

  test('takes the source from the header as well', async () => {
    const app = await createApp();
    const headers = issue(body, { 'x-webhook-source': 'tracker' });
    assert.equal((await post(app, '/webhooks', body, headers)).statusCode, 202);
    assert.equal((await post(app, '/webhooks', body, issue(body))).statusCode, 400);
  });

  test('a delivery that comes again is answered 200 with the first outcome', async () => {
    const app = await createApp();
    const first = await post(app, '/webhooks/tracker', body, issue(body));
    const again = await post(app, '/webhooks/tracker', body, issue(body));
    assert.equal(again.statusCode, 200);
    assert.equal(again.headers['idempotent-replayed'], 'true');
    assert.equal(again.body, first.body);
    const renamed = { 'x-github-delivery': 'd-2' };
    const captured = await post(app, '/webhooks/tracker', body, issue(body, renamed));
    assert.deepEqual([captured.statusCode, captured.body], [200, first.body], 'the id is not signed');
    const edited = body.replace('opened', 'edited');
    const other = await post(app, '/webhooks/tracker', edited, issue(edited));
    assert.equal(other.statusCode, 202, 'the id of another one swallows nothing');
    assert.notEqual(other.json().runs[0].run_id, first.json().runs[0].run_id);
  });

  test('fifty at once under one id start one run', async () => {
    const app = await createApp();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post(app, '/webhooks/tracker', body, issue(body))),
    );
    assert.equal(new Set(answers.map((answer) => answer.json().runs[0].run_id)).size, 1);
    assert.equal(answers.filter((answer) => answer.statusCode === 202).length, 1);
  });

  test('an event that the source does not want starts nothing', async () => {
    const app = await createApp();
    const answer = await post(app, '/webhooks/tracker', body, issue(body, { 'x-github-event': 'push' }));
    assert.deepEqual([answer.statusCode, answer.json().status, answer.json().runs], [200, 'ignored', []]);
  });

  test('no, a wrong and an old signature are 401, all but the old one alike; an unknown source is 404', async () => {
    const app = await createApp();
    const { 'x-hub-signature-256': _, ...unsigned } = issue(body);
    const none = await post(app, '/webhooks/tracker', body, unsigned);
    const wrong = await post(app, '/webhooks/tracker', body, issue(body, {}, 'other'));
    assert.deepEqual([none.statusCode, none.json().code], [401, 'signature_invalid']);
    assert.equal(none.body, wrong.body);
    assert.equal(none.headers['www-authenticate'], undefined);
    const unknown = await post(app, '/webhooks/trucker', body, issue(body));
    assert.deepEqual([unknown.statusCode, unknown.json().code], [404, 'unknown_source']);

    await put(app, 'chat', { ...tracker, scheme: 'slack' });
    const old = String(Math.floor(Date.now() / 1_000) - 301);
    const signature = `v0=${createHmac('sha256', 'hush-hush').update(`v0:${old}:${body}`).digest('hex')}`;
    const stale = await post(app, '/webhooks/chat', body, {
      'x-slack-request-timestamp': old,
      'x-slack-signature': signature,
    });
    assert.deepEqual([stale.statusCode, stale.json().code], [401, 'timestamp_out_of_range']);
    assert.ok(app.log.some((line) => line.includes('"because":"stale"')));
    assert.ok(!app.log.some((line) => line.includes(signature)), 'a signature is in the log');
  });

  test('a flood of forged requests writes a few lines, and one that says so', async () => {
    const app = await createApp();
    for (let count = 0; count < 150; count++) {
      await post(app, '/webhooks/tracker', body, issue(body, {}, 'other'));
    }
    assert.equal(app.log.filter((line) => line.includes('"Webhook refused"')).length, 5);
    assert.equal(app.log.filter((line) => line.includes('Many webhooks')).length, 1);
  });

  test('what is refused is on the record, in samples, and what is a flood as an event of its own', async () => {
    const app = await createApp();
    for (let count = 0; count < 120; count++) {
      await post(app, '/webhooks/tracker?secret=hush-hush', body, issue(body, {}, 'other'));
      await post(app, `/webhooks/no-${count}`, body, issue(body));
    }
    const refusals = async (source: string, query = '') => {
      const url = `/sources/${source}/refusals${query}`;
      return (await app.server.inject({ url, headers: admin })).json();
    };
    const { refusals: known } = await refusals('tracker');
    const types = known.map((one: { event_type: string }) => one.event_type);
    assert.deepEqual(types, [...Array(5).fill('INBOUND_REQUEST_REFUSED'), 'INBOUND_REQUESTS_REFUSED']);
    const { because, from, method, path, headers, body_sha256: hash } = known[0];
    assert.deepEqual(
      [because, from, method, path, hash],
      ['mismatch', '127.0.0.1', 'POST', '/webhooks/tracker', createHash('sha256').update(body).digest('hex')],
    );
    assert.deepEqual([headers['x-github-delivery'], headers['x-hub-signature-256']], ['d-1', null]);
    assert.deepEqual([known[5].count, known[5].window_ms], [100, 60_000]);
    const { refusals: lost } = await refusals('-');
    assert.deepEqual([lost.length, lost[0].name, lost[0].because], [6, 'no-0', 'unknown_source']);
    const page = await refusals('tracker', '?limit=4');
    assert.equal(page.refusals.length, 4);
    const rest = await refusals('tracker', `?limit=4&after=${page.next}`);
    assert.deepEqual([rest.refusals.length, rest.next], [2, null]);
    assert.equal((await refusals('no-0')).code, 'unknown_source');
  });

  test('a secret is rotated while deliveries come, and none is refused', async () => {
    let now = Date.parse('2026-08-14T09:00:00Z');
    const app = await createApp({ clock: () => now });
    let [count, signing] = [0, 'old-secret'];
    const at = (hours: number) =>
      new Date(Date.parse('2026-08-14T09:00:00Z') + hours * 3_600_000).toISOString();
    const secrets = async (...list: object[]) =>
      assert.ok((await put(app, 'tracker', { ...tracker, secrets: list })).statusCode < 300);
    const deliver = async () => {
      const counted = body.replace('opened', `opened ${count++}`);
      return (await post(app, '/webhooks/tracker', counted, issue(counted, {}, signing))).statusCode;
    };
    const [old, next] = [
      { secret: 'old-secret', label: 'old' },
      { secret: 'new-secret', label: 'new' },
    ];
    await secrets(old);
    assert.equal(await deliver(), 202);
    await secrets({ ...old, not_after: at(24) }, { ...next, not_before: at(1) });
    assert.equal(await deliver(), 202);
    signing = 'new-secret';
    assert.equal(await deliver(), 401, 'the new one is not valid yet');
    now = Date.parse(at(2));
    for (signing of ['old-secret', 'new-secret']) assert.equal(await deliver(), 202);
    now = Date.parse(at(25));
    assert.equal(await deliver(), 202);
    signing = 'old-secret';
    assert.equal(await deliver(), 401, 'the old one is not valid any more');
    await secrets(next);
    signing = 'new-secret';
    assert.equal(await deliver(), 202);
  });

  test('answers Slack’s question whether we are there, only when it is signed', async () => {
    const app = await createApp();
    await put(app, 'chat', { ...tracker, scheme: 'slack' });
    const challenge = '{"type":"url_verification","challenge":"3eZbrw1a"}';
    const now = String(Math.floor(Date.now() / 1_000));
    const signature = `v0=${createHmac('sha256', 'hush-hush').update(`v0:${now}:${challenge}`).digest('hex')}`;
    const headers = { 'x-slack-request-timestamp': now, 'x-slack-signature': signature };
    const answer = await post(app, '/webhooks/chat', challenge, headers);
    assert.deepEqual([answer.statusCode, answer.body], [200, '3eZbrw1a']);
    assert.equal((await post(app, '/webhooks/chat', challenge)).statusCode, 401);
  });

  test('the limit of a source is its own', async () => {
    const app = await createApp();
    await put(app, 'slow', { ...tracker, options: { ...tracker.options, rate_limit: '2/1m' } });
    const send = (source: string, id: string) =>
      post(app, `/webhooks/${source}`, body, issue(body, { 'x-github-delivery': id }));
    assert.equal((await send('slow', 'a')).headers.ratelimit, '"source";r=1;t=60');
    await send('slow', 'b');
    const over = await send('slow', 'c');
    assert.deepEqual([over.statusCode, over.json().code], [429, 'rate_limited']);
    assert.ok(Number(over.headers['retry-after']) > 0);
    assert.equal((await send('tracker', 'c')).statusCode, 202);
  });

  test('a body over the limit, a compressed one and a broken one are refused', async () => {
    const app = await createApp({ bodyLimitBytes: 2_000 });
    const large = `{"a":"${'x'.repeat(2_000)}"}`;
    assert.equal((await post(app, '/webhooks/tracker', large, issue(large))).statusCode, 413);
    const gzip = issue(body, { 'content-encoding': 'gzip' });
    assert.equal((await post(app, '/webhooks/tracker', body, gzip)).statusCode, 415);
    for (const broken of ['{"a":', '{"a":1,"a":2}', Buffer.from([0x7b, 0xff, 0x7d])]) {
      const text = broken as string;
      assert.equal(
        (await post(app, '/webhooks/tracker', text, issue(text))).json().code,
        'malformed_request',
      );
    }
    const empty = await post(app, '/webhooks/tracker', '{}', issue('{}'));
    assert.equal(empty.statusCode, 202, 'what the payload has not is nothing in the question');
  });

  test('a page of another site can do nothing without a signature, and a tunnel can do all with one', async () => {
    const app = await createTestApp();
    const local = { host: 'localhost' };
    assert.equal((await put(app, 'tracker', tracker, local)).statusCode, 201);
    const tunnel = { host: 'abc.tunnel.example' };
    assert.equal((await post(app, '/webhooks/tracker', body, issue(body, tunnel))).statusCode, 202);
    assert.equal((await post(app, '/webhooks/tracker', body, tunnel)).statusCode, 401);
    assert.equal((await put(app, 'tracker', tracker, tunnel)).statusCode, 403);
  });

  test('a notification that fits nothing is left out of its message, and one with nothing else is refused', async () => {
    const app = await createApp();
    const options = { input: { query: '{payload.object.Name}' } };
    await put(app, 'crm', { ...tracker, scheme: 'salesforce', options });
    const send = (...names: string[]) => {
      const notifications = names.map(
        (name, n) =>
          `<Notification><Id>04l${name.length}${n}</Id><sObject xsi:type="sf:Account" xmlns:sf="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><sf:Name>${name}</sf:Name></sObject></Notification>`,
      );
      const message = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D000000000001AAA</OrganizationId>${notifications.join('')}</notifications></e:Body></e:Envelope>`;
      return post(app, '/webhooks/crm?secret=hush-hush', message, { 'content-type': 'text/xml' });
    };
    const long = 'x'.repeat(11_000);
    const some = await send('What is open?', long);
    assert.deepEqual([some.statusCode, /<Ack>true<\/Ack>/.test(some.body)], [200, true]);
    assert.ok(app.log.some((line) => line.includes('04l110001') && line.includes('crm')));
    const { refusals } = (await app.server.inject({ url: '/sources/crm/refusals', headers: admin })).json();
    assert.deepEqual(
      refusals.map(({ because, path }: { because: string; path: string }) => [because, path]),
      [['invalid_input', '/webhooks/crm']],
    );
    const again = await send('What is open?', long);
    assert.deepEqual([again.statusCode, /<Ack>true<\/Ack>/.test(again.body)], [200, true]);
    assert.equal(again.headers['idempotent-replayed'], 'true');
    const none = await send(long, long);
    assert.deepEqual([none.statusCode, none.json().code], [422, 'invalid_request']);
  });

  test('what is no outbound message is 400 or 415 of a Salesforce source, and no secret of an address is in the log', async () => {
    const app = await createApp();
    await put(app, 'crm', { ...tracker, scheme: 'salesforce' });
    const send = async (payload: string, type: string) => {
      const answer = await post(app, '/webhooks/crm?secret=hush-hush', payload, { 'content-type': type });
      return [answer.statusCode, answer.json().code];
    };
    assert.deepEqual(await send('', 'text/xml'), [400, 'malformed_request']);
    for (const type of ['text/xml+json', 'application/soap+xml+json']) {
      for (const payload of ['{}', '{"notifications":[null]}', '7', 'null', '']) {
        assert.deepEqual(await send(payload, type), [415, 'unsupported_media_type'], payload);
      }
    }
    app.engine.start = () => Promise.reject(new Error('The disk is gone'));
    const failed = await post(app, '/webhooks/tracker?secret=hush-hush', body, issue(body));
    assert.equal(failed.statusCode, 500);
    assert.ok(app.log.some((line) => line.includes('"/webhooks/tracker"')));
    assert.doesNotMatch(app.log.join(), /hush/);
  });

  test('without verification everybody is let in', async () => {
    const app = await createApp({ verifiesWebhooks: false });
    const headers = { 'x-github-event': 'issues' };
    assert.equal((await post(app, '/webhooks/tracker', body, headers)).statusCode, 202);
  });
});

describe('/sources', () => {
  test('are made, shown without secrets, replaced and deleted', async () => {
    const app = await createApp();
    const shown = (await app.server.inject({ url: '/sources/tracker', headers: admin })).json();
    assert.deepEqual(shown, {
      success: true,
      name: 'tracker',
      ...tracker,
      secrets: [{ label: 'secret 1', not_before: null, not_after: null }],
      origin: 'api',
    });
    assert.equal((await put(app, 'tracker', { ...tracker, secrets: ['changed-it'] })).statusCode, 200);
    assert.equal((await post(app, '/webhooks/tracker', body, issue(body))).statusCode, 401);
    assert.equal((await post(app, '/webhooks/tracker', body, issue(body, {}, 'changed-it'))).statusCode, 202);
    const list = (await app.server.inject({ url: '/sources', headers: admin })).json();
    assert.equal(list.sources.length, 1);
    assert.doesNotMatch(JSON.stringify(list), /changed/);
    const deleted = () => app.server.inject({ method: 'DELETE', url: '/sources/tracker', headers: admin });
    assert.equal((await deleted()).statusCode, 200);
    assert.equal((await deleted()).statusCode, 404);
    assert.equal((await post(app, '/webhooks/tracker', body, issue(body))).statusCode, 404);
  });

  test('are for admins alone to change', async () => {
    const app = await createTestApp({ apiKeys: 'ops:operate:operate-key-0123456789' });
    const headers = { 'x-api-key': 'operate-key-0123456789' };
    assert.equal((await put(app, 'tracker', tracker, headers)).statusCode, 403);
    assert.equal((await app.server.inject({ url: '/sources', headers })).statusCode, 200);
  });

  test('say what is wrong with them', async () => {
    const app = await createApp();
    const message = async (fields: object) => {
      const answer = await put(app, 'x', { ...tracker, ...fields });
      assert.equal(answer.statusCode, 422);
      return answer.json().detail;
    };
    assert.match(await message({ starts: { flow: 'quary' } }), /Did you mean query/);
    assert.match(await message({ options: {} }), /no `query`/);
    for (const query of [7, ' ', ['a']])
      assert.match(await message({ options: { input: { query } } }), /no `query`/);
    for (const [field, value] of Object.entries({
      source_system: '',
      source_process: 7,
      timestamp: 'soon',
    })) {
      const input = { ...tracker.options.input, [field]: value };
      assert.match(await message({ options: { input } }), new RegExp(`input\\.${field} must`));
    }
    assert.match(
      await message({ scheme: 'none', options: { input: { query: '{boddy}' } } }),
      /placeholders begin/,
    );
  });
});
