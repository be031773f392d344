import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp, question } from '../../../test/fixtures/app.ts';

const get = async (app: Awaited<ReturnType<typeof createTestApp>>, url: string) => {
  const response = await app.server.inject({ url });
  return { status: response.statusCode, body: response.json() };
};

test('conversations are filtered, counted and paged', async () => {
  const app = await createTestApp();
  const asked = [
    question({ source_process: 'nightly', account_id: 'acme' }),
    question({ source_process: 'hourly', account: 7 }),
    question({ source_process: 'nightly', account_id: 'other' }),
  ];
  const ids: string[] = [];
  for (const each of asked) ids.push((await app.ask(each)).body.tracking_id);
  const list = async (parameters: string) => {
    const { body } = await get(app, `/conversations?${parameters}`);
    return [
      body.conversations.map((row: { tracking_id: string }) => ids.indexOf(row.tracking_id)),
      body.total,
    ];
  };
  assert.deepEqual(await list('source_process=nightly'), [[2, 0], undefined]);
  assert.deepEqual(await list('source_process=nightly&count=true'), [[2, 0], { count: 2, exact: true }]);
  assert.deepEqual(await list('account=acme'), [[0], undefined]);
  assert.deepEqual(await list('account=7'), [[1], undefined]);
  assert.deepEqual(await list('to=2020-01-01T00:00:00Z&count=true'), [[], { count: 0, exact: true }]);
  assert.deepEqual(await list('from=2020-01-01T00:00:00%2B02:00&limit=1&count=true'), [
    [2],
    { count: 3, exact: true },
  ]);
  // A date is its beginning in UTC.
  assert.deepEqual(await list('from=2020-01-01&to=2020-01-02'), [[], undefined]);
  for (const times of ['from=2026-01-02&to=2026-01-01', 'from=2026-01-01&to=2026-01-01T01:00%2B01:00']) {
    const backwards = await get(app, `/conversations?${times}`);
    assert.deepEqual(backwards.body.errors, [{ path: 'from', message: 'is not before `to`' }], times);
  }
  const first = await get(app, '/conversations?limit=2');
  const rest = await get(app, `/conversations?limit=2&after=${first.body.next}`);
  assert.deepEqual([rest.body.conversations.length, rest.body.next], [1, null]);
  const wrong = await get(app, '/conversations?from=yesterday&to=2026-02-30T00:00:00Z');
  assert.equal(wrong.status, 422);
  assert.deepEqual(
    wrong.body.errors.map((fault: { path: string }) => fault.path),
    ['from', 'to'],
  );
});

test('a conversation is found by either of its ids', async () => {
  const app = await createTestApp();
  const { body } = await app.ask();
  const byTracking = await get(app, `/conversations/${body.tracking_id.toUpperCase()}`);
  const byConversation = await get(app, `/conversations/${body.tracking.conversation_id}`);
  assert.equal(byTracking.body.query, 'What deals are closing this quarter?');
  assert.equal(byConversation.body.tracking_id, body.tracking_id);
  for (const id of ['nothing', '0199aaaa-0000-7000-8000-000000000000', "x' OR '1'='1", '%00']) {
    assert.equal((await get(app, `/conversations/${encodeURIComponent(id)}`)).status, 404, id);
  }
});
