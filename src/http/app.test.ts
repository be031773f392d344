import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { answerOf, createTestApp, question, type TestApp } from '../../test/fixtures/app.ts';

const get = async (app: TestApp, url: string, headers: Record<string, string> = {}) =>
  app.server.inject({ url, headers: { host: 'localhost', ...headers } });

const post = async (app: TestApp, payload: string | Buffer, headers: Record<string, string> = {}) => {
  const sent = { host: 'localhost', 'content-type': 'application/json', ...headers };
  const response = await app.server.inject({ method: 'POST', url: '/webhook', headers: sent, payload });
  return { status: response.statusCode, problem: response.json(), headers: response.headers };
};

/** The conversation once it is complete, by reading its event stream to the end. */
const completed = async (app: TestApp, trackingId: string) => {
  const events = await get(app, `/webhook/${trackingId}/events`);
  return { events: events.body, conversation: (await get(app, `/webhook/${trackingId}`)).json() };
};

describe('POST /webhook', () => {
  test('answers 202 as the contract has it, and the question is answered', async () => {
    const app = await createTestApp();
    const { status, body } = await app.ask(question({ unknown_field: { a: [1] } }));
    assert.equal(status, 202);
    assert.deepEqual(Object.keys(body), [
      'success',
      'message',
      'tracking_id',
      'queued_at',
      'estimated_processing_time',
      'status',
      'tracking',
    ]);
    assert.deepEqual(Object.keys(body.tracking), [
      'conversation_id',
      'delivery_id',
      'webhook_type',
      'processing_time_ms',
    ]);
    assert.match(body.tracking_id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    assert.match(body.tracking.conversation_id, /^webhook_\d{8}_\d{6}_testing_phase3valid_[0-9a-f]{6}$/);
    const { conversation } = await completed(app, body.tracking_id);
    assert.equal(conversation.ai_response.response, '**Two** deals.');
    assert.equal(conversation.delivery_status, 'not_configured');
    assert.deepEqual(conversation.extra, { unknown_field: { a: [1] } });
  });

  test('a body up to the limit is taken whole, whatever the journal of a run takes', async () => {
    const app = await createTestApp();
    const padding = 1_048_576 - JSON.stringify(question({ padding: '' })).length;
    const { status, body } = await app.ask(question({ padding: 'x'.repeat(padding) }));
    assert.equal(status, 202);
    const { conversation } = await completed(app, body.tracking_id);
    assert.equal(conversation.extra.padding.length, padding);
  });

  test('says every fault of a body at once', async () => {
    const app = await createTestApp();
    const ahead = new Date(Date.now() + 6 * 60_000).toISOString();
    const { status, body } = await app.ask({ query: '   ', source_system: 7, timestamp: ahead });
    assert.equal(status, 422);
    assert.equal(body.code, 'invalid_request');
    assert.deepEqual(
      body.errors.map((error: { path: string }) => error.path),
      ['/query', '/source_system', '/source_process', '/timestamp'],
    );
  });

  test('lengths are counted after trimming, in characters', async () => {
    const app = await createTestApp();
    const statusOf = async (fields: object) => (await app.ask(question(fields))).status;
    assert.equal(await statusOf({ query: `  ${'𝒳'.repeat(10_000)}  ` }), 202);
    assert.equal(await statusOf({ query: 'x'.repeat(10_001) }), 422);
    assert.equal(await statusOf({ source_system: 'x'.repeat(128) }), 202);
    assert.equal(await statusOf({ source_system: 'x'.repeat(129) }), 422);
    assert.equal(await statusOf({ source_process: 'a\nb' }), 422);
    assert.equal(await statusOf({ query: 'a\0b' }), 422);
    assert.equal(await statusOf({ query: ' \u200b\u200d\ufeff\u2060\u00ad\u180e\u3164 ' }), 422);
    assert.equal(await statusOf({ source_system: '\u200b' }), 422);
    assert.equal(await statusOf({ query: '\u{1f469}\u200d\u{1f680}' }), 202);
    assert.equal(await statusOf({ timestamp: '2020-01-01T00:00:00+01:00' }), 202);
    assert.equal(await statusOf({ timestamp: '2020-01-01T00:00:00' }), 422);
  });

  test('a body that cannot be read is 400, 413 or 415 in problem+json', async () => {
    const app = await createTestApp({ bodyLimitBytes: 2_000 });
    const cases: [string | Buffer, Record<string, string>, number, string][] = [
      ['{"query":', {}, 400, 'malformed_request'],
      ['', {}, 400, 'malformed_request'],
      ['[]', {}, 400, 'malformed_request'],
      ['null', {}, 400, 'malformed_request'],
      ['{"query":"a","query":"b"}', {}, 400, 'malformed_request'],
      ['['.repeat(500), {}, 400, 'malformed_request'],
      [Buffer.from([0x7b, 0xff, 0x7d]), {}, 400, 'malformed_request'],
      [`{"query":"${'x'.repeat(2_000)}"}`, {}, 413, 'payload_too_large'],
      ['query=a', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
      ['query=a', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
      ['{}', { 'content-encoding': 'gzip' }, 415, 'unsupported_media_type'],
    ];
    assert.equal(
      (await post(app, JSON.stringify(question()), { 'content-encoding': 'Identity' })).status,
      202,
    );
    for (const [payload, headers, status, code] of cases) {
      const seen = await post(app, payload, headers);
      assert.deepEqual([seen.status, seen.problem.code], [status, code], String(payload).slice(0, 40));
      assert.match(String(seen.headers['content-type']), /^application\/problem\+json/);
      assert.equal(seen.problem.success, false);
      assert.ok(seen.problem.detail.length > 10 && !JSON.stringify(seen.problem).includes('    at '));
    }
  });

  test('__proto__ in a body changes nothing but the record', async () => {
    const app = await createTestApp();
    const fields = JSON.stringify(question()).slice(1);
    const { status, problem } = await post(app, `{"__proto__":{"polluted":true},${fields}`);
    assert.equal(status, 202);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
    const { conversation } = await completed(app, problem.tracking_id);
    assert.equal(conversation.polluted, undefined);
  });

  test('a full queue is 503 with Retry-After', async () => {
    const gate = Promise.withResolvers<void>();
    const app = await createTestApp({
      queueLimit: 1,
      answer: async () => {
        await gate.promise;
        return answerOf('late');
      },
    });
    const answers = await Promise.all(Array.from({ length: 300 }, () => app.ask()));
    const accepted = answers.filter(({ status }) => status === 202).length;
    const refused = await app.ask();
    gate.resolve();
    // As many as may execute at once, and the one that may wait.
    assert.ok(accepted > 1 && accepted <= 257, String(accepted));
    assert.deepEqual([refused.status, refused.body.code], [503, 'queue_full']);
    assert.ok(Number(refused.headers['retry-after']) >= 1);
  });
});

describe('Idempotency-Key', () => {
  test('the same body gives the first response byte for byte; another body is 422', async () => {
    const app = await createTestApp();
    const body = question({ a: 1, b: 2 });
    const headers = { 'idempotency-key': 'key-1' };
    const first = await app.ask(body, headers);
    const { b, a, ...rest } = body as Record<string, unknown>;
    const again = await app.ask({ b, a, ...rest }, headers);
    assert.equal(again.status, 202);
    assert.equal(again.text, first.text);
    assert.equal(again.headers['idempotent-replayed'], 'true');
    assert.equal(first.headers['idempotent-replayed'], undefined);
    const other = await app.ask({ ...body, query: 'Another?' }, headers);
    assert.deepEqual([other.status, other.body.code], [422, 'idempotency_key_reused']);
    const otherSystem = await app.ask({ ...body, source_system: 'another' }, headers);
    assert.notEqual(otherSystem.body.tracking_id, first.body.tracking_id);
  });

  test('numbers that a double cannot hold are told apart', async () => {
    const app = await createTestApp();
    const send = (id: string) => {
      const fields = JSON.stringify(question({ timestamp: '2026-01-01T00:00:00Z' })).slice(1);
      return post(app, `{"deal_id":${id},${fields}`, { 'idempotency-key': 'long' });
    };
    const first = await send('9007199254740993');
    assert.equal(first.status, 202);
    assert.equal((await send('9007199254740992')).problem.code, 'idempotency_key_reused');
    assert.equal((await send('9007199254740993')).problem.tracking_id, first.problem.tracking_id);
  });

  test('while the first is being accepted it is 409; of many at once one is accepted', async () => {
    const app = await createTestApp();
    const body = question();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => app.ask(body, { 'idempotency-key': 'x' })),
    );
    const ids = new Set(
      answers.filter(({ status }) => status === 202).map((answer) => answer.body.tracking_id),
    );
    assert.equal(ids.size, 1);
    const conflicts = answers.filter(({ status }) => status === 409);
    assert.equal(conflicts.length, 19);
    assert.equal(conflicts[0]!.body.code, 'idempotency_in_progress');
    assert.ok(conflicts[0]!.headers['retry-after']);
  });

  test('a key of 256 characters is refused', async () => {
    const app = await createTestApp();
    assert.equal((await app.ask(question(), { 'idempotency-key': 'k'.repeat(256) })).status, 422);
  });
});

test('the rate limit is exact, per source system and per key, and says what is left', async () => {
  const key = 'k'.repeat(20);
  const app = await createTestApp({
    rateLimit: { count: 3, windowMs: 60_000 },
    apiKeys: `crm:ingest:${key}`,
  });
  const send = (system: string) => app.ask(question({ source_system: system }), { 'x-api-key': key });
  const first = await send('a');
  assert.equal(first.headers['ratelimit-policy'], '"source";q=3;w=60, "key";q=3;w=60');
  assert.equal(first.headers.ratelimit, '"source";r=2;t=60, "key";r=2;t=60');
  assert.deepEqual([(await send('a')).status, (await send('b')).status], [202, 202]);
  const limited = await send('c');
  assert.deepEqual([limited.status, limited.body.code], [429, 'rate_limited']);
  assert.equal(limited.headers['retry-after'], '60');
});

describe('who may call', () => {
  const keys = {
    ingest: 'i'.repeat(20),
    read: 'r'.repeat(20),
    operate: 'o'.repeat(20),
    admin: 'a'.repeat(20),
  };
  const apiKeys = Object.entries(keys)
    .map(([scope, key]) => `${scope}:${scope}:${key}`)
    .join(',');

  test('each zone asks for its scopes', async () => {
    const app = await createTestApp({ apiKeys });
    const id = '01a1fc7e-324f-7a40-8041-a26047ae360e';
    const expected: [method: 'GET' | 'POST', url: string, allowed: string[]][] = [
      ['POST', '/webhook', ['ingest', 'admin']],
      ['GET', `/webhook/${id}`, ['ingest', 'read', 'operate', 'admin']],
      ['GET', `/webhook/${id}/events`, ['ingest', 'read', 'operate', 'admin']],
      ['GET', '/conversations', ['read', 'operate', 'admin']],
      ['GET', '/dead-letters', ['read', 'operate', 'admin']],
      ['GET', '/endpoints', ['read', 'operate', 'admin']],
      ['POST', '/endpoints/enable', ['operate', 'admin']],
      ['GET', '/health', ['read', 'operate', 'admin']],
      ['GET', '/', ['read', 'operate', 'admin']],
      ['POST', `/dead-letters/${id}/replay`, ['operate', 'admin']],
      ['POST', '/page/ask', ['operate', 'admin']],
    ];
    for (const [method, url, allowed] of expected) {
      const statusOf = async (headers: Record<string, string>) =>
        (await app.server.inject({ method, url, headers })).statusCode;
      assert.equal(await statusOf({}), 401, `${url} without a key`);
      assert.equal(await statusOf({ 'x-api-key': 'wrong'.repeat(4) }), 401, `${url} with a wrong key`);
      for (const [scope, key] of Object.entries(keys)) {
        const status = await statusOf({ authorization: `Bearer ${key}` });
        assert.equal(
          status !== 401 && status !== 403,
          allowed.includes(scope),
          `${url} with ${scope}: ${status}`,
        );
      }
    }
    const basic = `Basic ${Buffer.from(`me:${keys.read}`).toString('base64')}`;
    assert.equal((await get(app, '/', { authorization: basic })).statusCode, 200);
    assert.equal((await app.server.inject({ url: '/health/live' })).statusCode, 200);
  });

  test('without keys only this machine may call: other hosts and origins are refused', async () => {
    const app = await createTestApp();
    const statusOf = async (headers: Record<string, string>) => (await get(app, '/', headers)).statusCode;
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080', '127.1.2.3:1']) {
      assert.equal(await statusOf({ host }), 200, host);
    }
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1']) {
      assert.equal(await statusOf({ host }), 403, host);
    }
    assert.equal(await statusOf({ origin: 'http://evil.example' }), 403);
    assert.equal(await statusOf({ origin: 'null' }), 403);
    assert.equal(await statusOf({ origin: 'http://localhost' }), 200);
    assert.equal(
      (await app.ask(question(), { 'sec-fetch-site': 'cross-site' })).body.code,
      'origin_not_allowed',
    );
    assert.equal((await app.ask(question(), { 'sec-fetch-site': 'same-site' })).status, 403);
  });

  test('with keys nothing is changed from another origin, even with the credentials of a browser', async () => {
    const app = await createTestApp({ apiKeys });
    const headers = { authorization: `Basic ${btoa(`me:${keys.admin}`)}`, origin: 'https://evil.example' };
    assert.equal((await app.ask(question(), headers)).body.code, 'origin_not_allowed');
  });
});

test('every route is in a zone, and these are all', async () => {
  const app = await createTestApp();
  const listed = app
    .routes()
    .filter(({ method }) => method !== 'HEAD')
    .map(({ zone, method, url }) => `${zone} ${method} ${url}`);
  assert.deepEqual(
    listed.sort(),
    [
      'operators GET /',
      'operators GET /conversations',
      'operators GET /conversations/:conversation_id',
      'operators GET /conversations/:conversation_id/export',
      'operators GET /conversations/events',
      'operators GET /conversations/search',
      'operators GET /conversations/:conversation_id/events',
      'operators GET /conversations/:conversation_id/timeline',
      'operators GET /conversations/stats',
      'operators GET /projections',
      'operators POST /profile',
      'operators POST /projections/rebuild',
      'operators GET /dead-letters',
      'operators GET /dead-letters/:run_id',
      'operators GET /docs',
      'operators GET /encryption',
      'operators GET /endpoints',
      'operators GET /executions',
      'operators GET /executions/:execution_id',
      'operators POST /executions/:execution_id/cancel',
      'operators POST /executions/:execution_id/retry',
      'operators POST /executions/:execution_id/signals/:name',
      'operators GET /flows',
      'operators GET /health',
      'operators GET /openapi.json',
      'operators GET /page/conversations/:tracking_id',
      'operators GET /page/search',
      'operators GET /page/dead-letters',
      'operators DELETE /sources/:source',
      'operators GET /sign-in',
      'operators POST /sign-in',
      'operators POST /sign-out',
      'operators GET /alarms',
      'operators GET /audit',
      'operators GET /keys',
      'operators POST /keys',
      'operators DELETE /keys/:key',
      'operators GET /sources',
      'operators GET /sources/:source',
      'operators GET /sources/:source/refusals',
      'operators PUT /sources/:source',
      'operators GET /style.css',
      'operators POST /alarms/:alarm/silence',
      'operators POST /alarms/test',
      'operators POST /conversations/:conversation_id/export',
      'operators POST /conversations/erase',
      'operators POST /dead-letters/:run_id/replay',
      'operators POST /encryption/rotate',
      'operators GET /runs',
      'operators GET /runs/:run_id',
      'operators POST /runs/:run_id/cancel',
      'operators POST /runs/:run_id/resume',
      'operators POST /runs/:run_id/terminate',
      'operators POST /endpoints/enable',
      'operators POST /page/ask',
      'operators POST /page/dead-letters/:run_id/replay',
      'probes GET /health/live',
      'probes GET /health/ready',
      'senders GET /webhook/:tracking_id',
      'senders GET /webhook/:tracking_id/events',
      'senders GET /webhooks/:source',
      'senders OPTIONS /events',
      'senders OPTIONS /events/:source',
      'senders OPTIONS /webhooks/:source',
      'senders POST /events',
      'senders POST /events/:source',
      'senders POST /agents/:name/invoke',
      'senders POST /webhook',
      'senders POST /webhooks',
      'senders POST /webhooks/:source',
      'senders POST /workflows/trigger',
    ].sort(),
  );
});

test('unknown paths, wrong methods and broken URLs are problems too', async () => {
  const app = await createTestApp();
  assert.equal((await get(app, '/nothing')).json().code, 'not_found');
  const wrong = await app.server.inject({
    method: 'DELETE',
    url: '/webhook',
    headers: { host: 'localhost' },
  });
  assert.deepEqual(
    [wrong.statusCode, wrong.headers.allow, wrong.json().code],
    [405, 'POST', 'method_not_allowed'],
  );
  assert.equal((await get(app, '/webhook/%E0%A4%A')).statusCode, 400);
  assert.equal((await get(app, '/webhook/not-an-id')).statusCode, 404);
  assert.equal((await get(app, '/conversations?limit=0')).statusCode, 422);
  assert.match((await get(app, '/conversations?nope=1')).json().detail, /has "nope", which is not known/);
  assert.match((await get(app, '/conversations?status=x')).json().detail, /one of queued, processing/);
  assert.equal((await get(app, '/conversations?after=x')).statusCode, 422);
});

test('what is no HTTP gets a problem as well', async () => {
  const app = await createTestApp();
  await app.server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.server.address() as AddressInfo;
  const answerTo = async (request: string) => {
    const socket = connect(port, '127.0.0.1');
    socket.end(request);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    await once(socket, 'close');
    return answer;
  };
  const cases: [request: string, status: number, code: string][] = [
    ['THIS IS NOT HTTP\r\n\r\n', 400, 'malformed_request'],
    ['GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    [
      'GET / HTTP/1.1\r\nHost: localhost\r\nhost: evil\r\nConnection: close\r\n\r\n',
      400,
      'malformed_request',
    ],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'malformed_request'],
    ['POST /webhook HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\n\r\n', 417, 'expectation_failed'],
    ['CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n', 405, 'method_not_allowed'],
  ];
  for (const [request, status, code] of cases) {
    const answer = await answerTo(request);
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), `${request.slice(0, 60)}: ${answer.slice(0, 60)}`);
    assert.match(answer, /content-type: application\/problem\+json/i);
    assert.ok(answer.includes(`"code":"${code}"`));
  }
});

describe('the event stream', () => {
  test('has every event with its id, resumes after one, and ends when the conversation is complete', async () => {
    const app = await createTestApp();
    const { body } = await app.ask();
    const { events } = await completed(app, body.tracking_id);
    const ids = [...events.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    assert.equal(ids.length, 6);
    assert.match(events, /event: WEBHOOK_REQUEST_RECEIVED\ndata: \{.*\}\n\n/);
    const resumed = await get(app, `/webhook/${body.tracking_id}/events`, {
      'last-event-id': String(ids[3]),
    });
    assert.deepEqual(
      [...resumed.body.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)),
      ids.slice(4),
    );
    const over = await get(app, `/webhook/${body.tracking_id}/events`, {
      'last-event-id': String(ids.at(-1)),
    });
    assert.equal(over.statusCode, 204);
    assert.equal(
      (await get(app, `/webhook/${body.tracking_id}/events`, { 'last-event-id': 'x' })).statusCode,
      422,
    );
  });

  test('an idle stream beats, and a stop ends it', async () => {
    const gate = Promise.withResolvers<void>();
    const app = await createTestApp({
      heartbeatMs: 5,
      answer: async () => {
        await gate.promise;
        return answerOf('late');
      },
    });
    await app.server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.server.address() as AddressInfo;
    const { body } = await app.ask();
    const response = await fetch(`http://127.0.0.1:${port}/webhook/${body.tracking_id}/events`);
    let text = '';
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString();
      if (text.includes(': still here')) app.stopAccepting();
    }
    assert.match(text, /: still here\nid: 2\n\n/);
    assert.doesNotMatch(text, /WEBHOOK_CONVERSATION_COMPLETED/);
    const refused = await app.ask();
    assert.deepEqual([refused.status, refused.body.code], [503, 'shutting_down']);
    assert.ok(refused.headers['retry-after']);
    assert.equal(refused.headers.connection, 'close');
    gate.resolve();
  });
});

test('while it drains it is not ready, takes requests, and wants no further ones on the same connection', async () => {
  const app = await createTestApp();
  const ready = async () =>
    (await app.server.inject({ url: '/health/ready', headers: { host: 'localhost' } })).statusCode;
  assert.equal(await ready(), 200);
  app.drain();
  assert.equal(await ready(), 503);
  const taken = await app.ask();
  assert.deepEqual([taken.status, taken.headers.connection], [202, 'close']);
});

test('a failed question is a dead letter: listed, shown with its history, started anew once', async () => {
  let failing = true;
  const app = await createTestApp({
    answer: () => {
      if (failing) throw new Error('the model is away');
      return answerOf('now');
    },
  });
  const { body } = await app.ask();
  await app.engine.wait(body.tracking_id);
  const { dead_letters: letters } = (await get(app, '/dead-letters')).json();
  assert.deepEqual(
    letters.map((letter: { run_id: string }) => letter.run_id),
    [body.tracking_id],
  );
  const shown = (await get(app, `/dead-letters/${body.tracking_id}`)).json();
  assert.match(JSON.stringify(shown.history), /the model is away/);
  failing = false;
  const replay = () =>
    app.server.inject({
      method: 'POST',
      url: `/dead-letters/${body.tracking_id}/replay`,
      headers: { host: 'localhost' },
    });
  const started = await replay();
  assert.equal(started.statusCode, 202);
  await app.engine.wait(started.json().run_id);
  assert.equal((await replay()).statusCode, 409);
  assert.deepEqual((await get(app, '/dead-letters')).json().dead_letters, []);
  const { conversation } = await completed(app, body.tracking_id);
  assert.equal(conversation.ai_response.response, 'now');
});

test('an endpoint that was gone is listed without its secrets, and enabled again', async () => {
  const receiver = createServer((request, response) => {
    request.resume();
    response.writeHead(410).end();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const base = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/in`;
  const app = await createTestApp({ webhookUrl: `${base}?token=secret` });
  await completed(app, (await app.ask()).body.tracking_id);
  receiver.close();
  const disabled = async () => (await get(app, '/endpoints')).json().disabled;
  assert.deepEqual(
    (await disabled()).map(({ url, reason }: Record<string, string>) => [url, reason]),
    [[base, 'The receiver answered 410 Gone.']],
  );
  const enable = async (payload: object) => {
    const headers = { host: 'localhost' };
    return app.server.inject({ method: 'POST', url: '/endpoints/enable', headers, payload });
  };
  assert.equal((await enable({})).statusCode, 422);
  assert.equal((await enable({ url: 'http://other.example/' })).statusCode, 404);
  assert.deepEqual((await enable({ url: base })).json(), { success: true, enabled: base });
  assert.deepEqual(await disabled(), []);
});

test('what was not foreseen is logged, and the caller learns nothing of it', async () => {
  const app = await createTestApp();
  const { engine } = app as unknown as { engine: { stats: () => never } };
  engine.stats = () => {
    throw new Error('secret detail');
  };
  const response = await get(app, '/health');
  assert.equal(response.statusCode, 500);
  assert.equal(response.json().code, 'internal_error');
  assert.doesNotMatch(response.body, /secret detail/);
  assert.match(app.log.join(''), /secret detail/);
});

describe('pages', () => {
  const hostile = '<script>alert(1)</script>"\'><img src=x onerror=alert(1)>';

  test('whatever was asked and answered, it is shown as text', async () => {
    const app = await createTestApp({ answer: () => answerOf(`# ${hostile}\n\n[x](javascript:alert(1))`) });
    const fields = { query: hostile, source_system: hostile, source_process: hostile, [hostile]: hostile };
    const { body } = await app.ask(question(fields));
    await completed(app, body.tracking_id);
    for (const url of ['/', `/page/conversations/${body.tracking_id}`]) {
      const response = await get(app, url);
      assert.equal(response.statusCode, 200);
      assert.doesNotMatch(response.body, /<script|<img|href="javascript/);
      assert.match(response.body, /&lt;script&gt;/);
      assert.match(String(response.headers['content-security-policy']), /default-src 'none'/);
    }
  });

  test('a failed delivery is shown as one, with the way to start it anew', async () => {
    const app = await createTestApp({ webhookUrl: 'http://127.0.0.1:1/' });
    const { body } = await app.ask();
    await completed(app, body.tracking_id);
    const page = (await get(app, `/page/conversations/${body.tracking_id}`)).body;
    assert.match(page, /class="bad"><span class="what">Complete: failed/);
    assert.match(page, /<a href="\/page\/dead-letters">/);
  });

  test('the form asks, and leads to the page of the answer', async () => {
    const app = await createTestApp();
    const asked = await app.server.inject({
      method: 'POST',
      url: '/page/ask',
      headers: { host: 'localhost', 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'query=Which+deals%3F',
    });
    assert.equal(asked.statusCode, 303);
    const shown = await get(app, String(asked.headers.location));
    assert.match(shown.body, /Which deals\?/);
    assert.match(shown.body, /<strong>Two<\/strong> deals/);
  });

  test('a page in progress refreshes itself, a complete one does not', async () => {
    const gate = Promise.withResolvers<void>();
    const app = await createTestApp({
      answer: async () => {
        await gate.promise;
        return answerOf('done');
      },
    });
    const { body } = await app.ask();
    const url = `/page/conversations/${body.tracking_id}`;
    assert.match((await get(app, url)).body, /http-equiv="refresh"/);
    gate.resolve();
    await completed(app, body.tracking_id);
    assert.doesNotMatch((await get(app, url)).body, /http-equiv="refresh"/);
  });

  test('empty, later pages and errors are pages too', async () => {
    const app = await createTestApp();
    assert.match((await get(app, '/')).body, /Nothing asked yet/);
    for (let n = 0; n < 25; n++) await app.ask(question({ query: `Question ${n}` }));
    const first = await get(app, '/');
    const earlier = first.body.match(/href="(\/\?after=[^"]+)"/)?.[1];
    assert.match((await get(app, String(earlier))).body, /Question 4/);
    const missing = await get(app, '/page/conversations/nope', { accept: 'text/html' });
    assert.deepEqual([missing.statusCode, /Nothing there/.test(missing.body)], [404, true]);
    assert.match(
      String((await get(app, '/nope', { accept: 'text/html' })).headers['content-type']),
      /text\/html/,
    );
  });
});
