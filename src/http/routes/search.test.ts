import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOf, createTestApp, question, type TestApp } from '../../../test/fixtures/app.ts';

const get = async (app: TestApp, url: string) => {
  const response = await app.server.inject({ url });
  return { status: response.statusCode, body: response.json() };
};

async function asked(): Promise<TestApp> {
  const app = await createTestApp({ answer: (text) => answerOf(`**${text}** <b>is</b> won`) });
  for (const query of ['How is IXIS?', 'And Acme, Inc.?']) {
    const { body } = await app.ask(question({ query }));
    await app.engine.wait(body.tracking_id);
  }
  for (let complete = false; !complete; ) {
    const { body } = await get(app, '/conversations?status=delivered');
    complete = body.conversations.length === 2;
  }
  await app.follower.catchUp();
  return app;
}

test('a search finds questions and answers, with what matches marked', async () => {
  const app = await asked();
  const { body } = await get(app, '/conversations/search?q=ixis%20won');
  assert.equal(body.conversations.length, 1);
  assert.deepEqual([body.next, body.behind], [null, 0]);
  assert.deepEqual(body.conversations[0].highlights.question, [
    [
      { text: 'How is ', match: false },
      { text: 'IXIS', match: true },
      { text: '?', match: false },
    ],
  ]);
  const page = await app.server.inject({ url: '/page/search?q=acme%20won&after=' });
  assert.match(page.body, /cannot be looked for/);
  const found = (await app.server.inject({ url: '/page/search?q=acme%20won' })).body;
  assert.match(found, /And <mark>Acme<\/mark>, Inc/);
  assert.match(found, /&lt;b&gt;is&lt;\/b&gt; <mark>won<\/mark>/);
  assert.match((await app.server.inject({ url: '/' })).body, /action="\/page\/search"/);
});

test('what cannot be looked for is refused with the reason', async () => {
  const app = await createTestApp();
  for (const q of ['', '-x', '***', 'ab*', 'x'.repeat(501)]) {
    const { status, body } = await get(app, `/conversations/search?q=${encodeURIComponent(q)}`);
    assert.deepEqual([status, body.code], [422, 'invalid_request'], q);
  }
  assert.equal((await get(app, '/conversations/search')).status, 422);
  assert.equal((await get(app, '/conversations/search?q=x&after=y')).status, 422);
  assert.equal((await get(app, `/conversations/search?q=${encodeURIComponent(`'"; OR 1=1`)}`)).status, 200);
});

test('statistics come in buckets, and as many as can be read', async () => {
  const app = await asked();
  const { body } = await get(app, '/conversations/stats?bucket=1d');
  const counts = body.buckets.map((bucket: { count: number }) => bucket.count);
  assert.equal(
    counts.reduce((sum: number, count: number) => sum + count, 0),
    2,
  );
  const [bucket] = body.buckets;
  assert.deepEqual(Object.keys(bucket.total_time_ms), ['average', 'minimum', 'maximum', 'p50', 'p95', 'p99']);
  assert.equal(bucket.delivery_success_rate, null);
  assert.equal(body.bucket_seconds, 86_400);
  for (const parameters of [
    'bucket=5s',
    'bucket=0m',
    'bucket=32d',
    'bucket=1m&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z',
    'from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z',
    'from=2026-02-01T00:02:00Z&to=2026-02-01T00:01:00Z',
    'from=soon',
  ]) {
    assert.equal((await get(app, `/conversations/stats?${parameters}`)).status, 422, parameters);
  }
});

test('a time whose plus became a space is refused with how to write it', async () => {
  const app = await asked();
  const { status, body } = await get(app, '/conversations?from=2026-02-01T00:00:00+01:00');
  assert.deepEqual([status, /%2B/.test(body.detail)], [422, true]);
});

test('projections are made anew on demand', async () => {
  const app = await asked();
  const begun = await app.server.inject({ method: 'POST', url: '/projections/rebuild', payload: {} });
  assert.equal(begun.statusCode, 202);
  await app.follower.catchUp();
  const { body } = await get(app, '/projections');
  assert.deepEqual(
    body.projections.map((state: { name: string; rebuilding: unknown }) => [state.name, state.rebuilding]),
    [
      ['conversations', null],
      ['search', null],
      ['statistics', null],
    ],
  );
  const wrong = { projections: ['nothing'] };
  const refused = await app.server.inject({ method: 'POST', url: '/projections/rebuild', payload: wrong });
  assert.equal(refused.statusCode, 422);
});

test('the events of a conversation come in pages, by type, and as a stream', async () => {
  const app = await asked();
  const { body: list } = await get(app, '/conversations?limit=1');
  const { tracking_id: id, conversation_id: conversationId } = list.conversations[0];
  const all = await get(app, `/conversations/${conversationId}/events`);
  assert.equal(all.body.events[0].event_type, 'WEBHOOK_REQUEST_RECEIVED');
  assert.equal(all.body.next, null);
  const first = await get(app, `/conversations/${id}/events?limit=2`);
  const rest = await get(app, `/conversations/${id}/events?after=${first.body.next}`);
  assert.deepEqual([...first.body.events, ...rest.body.events], all.body.events);
  const types = 'WEBHOOK_CONVERSATION_COMPLETED,WEBHOOK_RESPONSE_CLASSIFIED';
  const some = await get(app, `/conversations/${id}/events?type=${types}`);
  assert.deepEqual(
    some.body.events.map((event: { event_type: string }) => event.event_type),
    ['WEBHOOK_RESPONSE_CLASSIFIED', 'WEBHOOK_CONVERSATION_COMPLETED'],
  );
  const headers = { accept: 'text/event-stream' };
  const stream = await app.server.inject({ url: `/conversations/${id}/events?type=${types}`, headers });
  assert.deepEqual(stream.body.match(/^event: .*$/gm), [
    'event: WEBHOOK_RESPONSE_CLASSIFIED',
    'event: WEBHOOK_CONVERSATION_COMPLETED',
  ]);
  const seen = { ...headers, 'last-event-id': String(all.body.events.at(-1).sequence) };
  assert.equal(
    (await app.server.inject({ url: `/conversations/${id}/events`, headers: seen })).statusCode,
    204,
  );
  assert.equal((await get(app, `/conversations/${id}/events?type=NOTHING`)).status, 422);
  assert.equal((await get(app, '/conversations/nothing/events')).status, 404);
});

test('a timeline tells what happened, from the record and from the runs', async () => {
  const app = await asked();
  const { body: list } = await get(app, '/conversations?limit=1');
  const { body } = await get(app, `/conversations/${list.conversations[0].conversation_id}/timeline`);
  const kinds = body.timeline.map((entry: { kind: string; name: string }) => `${entry.kind} ${entry.name}`);
  for (const expected of [
    'question testing_system',
    'agent_message tester',
    'tool_call warehouse.query',
    'step manager agent',
    'run deliver',
    'event WEBHOOK_CONVERSATION_COMPLETED',
  ]) {
    assert.ok(kinds.includes(expected), `${expected} is not in ${kinds}`);
  }
  const page = (await app.server.inject({ url: `/page/conversations/${body.tracking_id}` })).body;
  assert.match(page, /warehouse\.query was called/);
  assert.match(page, /Complete: not configured/);
});
