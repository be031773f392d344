import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp, type TestApp } from '../../test/fixtures/app.ts';

const keys = { read: 'r'.repeat(20), operate: 'o'.repeat(20), admin: 'a'.repeat(20) };
const apiKeys = Object.entries(keys)
  .map(([scope, key]) => `${scope}:${scope}:${key}`)
  .join(',');
const id = '01a1fc7e-324f-7a40-8041-a26047ae360e';

const call = async (
  app: TestApp,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  key = '',
  body?: object,
) => {
  const headers = { host: 'localhost', ...(key && { authorization: `Bearer ${key}` }) };
  const response = await app.server.inject({ method, url, headers, ...(body && { payload: body }) });
  return { status: response.statusCode, text: response.body, body: response.json() };
};

const actsOf = async (app: TestApp, key = '') =>
  (await call(app, 'GET', '/audit?limit=500', key)).body.acts as Record<string, unknown>[];

test('every act of an operator has its line: who, what, on what, what came of it', async () => {
  const app = await createTestApp({ apiKeys });
  await call(app, 'POST', `/runs/${id}/cancel`, keys.operate);
  await call(app, 'POST', '/endpoints/enable', keys.operate, {
    url: 'https://u:secret@a.example/hook?token=x',
  });
  const secret = 'whsec_very_secret_indeed_0000000000';
  const source = {
    scheme: 'github',
    secrets: [secret],
    starts: { flow: 'query' },
    options: { input: { query: '{payload.a}' } },
  };
  await call(app, 'PUT', '/sources/hub', keys.admin, source);
  await call(app, 'DELETE', '/sources/hub', keys.admin);
  const made = await call(app, 'POST', '/keys', keys.admin, { name: 'crm', scopes: ['ingest'] });
  await call(app, 'DELETE', `/keys/${made.body.id}`, made.body.key);
  await call(app, 'DELETE', `/keys/${made.body.id}`, keys.admin);
  await call(app, 'GET', '/conversations', 'wrong'.repeat(4));
  await call(app, 'GET', '/conversations');
  await call(app, 'GET', '/conversations', keys.read);
  const acts = await actsOf(app, keys.admin);
  assert.deepEqual(acts.map((act) => [act.actor, act.act, act.target, act.outcome, act.code]).reverse(), [
    ['operate', 'runs.cancel', id, 'refused', 'unknown_run'],
    ['operate', 'endpoints.enable', 'https://a.example/hook', 'refused', 'not_found'],
    ['admin', 'sources.put', 'hub', 'done', null],
    ['admin', 'sources.delete', 'hub', 'done', null],
    ['admin', 'keys.create', 'crm', 'done', null],
    ['crm', 'access.refused', made.body.id, 'refused', 'forbidden'],
    ['admin', 'keys.revoke', made.body.id, 'done', null],
    ['unknown', 'access.refused', null, 'refused', 'unauthenticated'],
  ]);
  assert.deepEqual(
    [acts[0]?.actor_kind, acts[1]?.actor_id, acts[1]?.actor_kind, acts[1]?.address],
    ['unknown', 'env:admin', 'key', '127.0.0.1'],
  );
  const text = JSON.stringify(acts);
  for (const never of [secret, made.body.key.slice(12), 'token=x', 'u:secret', ...Object.values(keys)]) {
    assert.ok(!text.includes(never), never);
  }
  assert.equal((await call(app, 'GET', '/audit', keys.operate)).status, 403);
});

test('without keys it is this machine that acts', async () => {
  const app = await createTestApp();
  await call(app, 'POST', `/dead-letters/${id}/replay`);
  const [act] = await actsOf(app);
  assert.deepEqual([act?.actor, act?.act, act?.code], ['this machine', 'dead-letters.replay', 'not_found']);
});

test('no route of the operators steers without a line', async () => {
  const app = await createTestApp({ apiKeys });
  const steering = app
    .routes()
    .filter(({ zone, method }) => zone === 'operators' && !['GET', 'HEAD'].includes(method));
  assert.ok(steering.length > 8);
  for (const { method, url } of steering) {
    const before = (await actsOf(app, keys.admin)).length;
    const path = url.replace(/:\w+/g, id);
    const headers = { host: 'localhost', authorization: `Bearer ${keys.admin}` };
    await app.server.inject({ method: method as 'POST', url: path, headers });
    const [act, ...others] = await actsOf(app, keys.admin);
    // What the schema of a route refuses is not begun.
    if (others.length + 1 === before) continue;
    assert.equal(act?.route, `${method} ${url}`);
    assert.notEqual(act?.outcome, 'unknown');
  }
});

test('an act that cannot be put on the record is not done', async () => {
  let broken = false;
  const app = await createTestApp({ cannotWrite: () => broken });
  const made = await call(app, 'POST', '/keys', '', { name: 'first', scopes: ['admin'] });
  broken = true;
  const refused = await call(app, 'POST', '/keys', made.body.key, { name: 'second', scopes: ['read'] });
  assert.deepEqual([refused.status, refused.body.code], [503, 'storage_failed']);
  const listed = await call(app, 'GET', '/keys', made.body.key);
  assert.deepEqual(
    listed.body.keys.map((key: { name: string }) => key.name),
    ['first'],
  );
});

test('a flood of refused calls leaves sixty lines a minute, and how many there were', async () => {
  let now = 1_786_699_000_000;
  const app = await createTestApp({ apiKeys, clock: () => now });
  for (let n = 0; n < 200; n++) await call(app, 'GET', '/conversations', `wrong ${n} key`);
  now += 60_000;
  await call(app, 'GET', '/conversations', 'wrong again key');
  const acts = await actsOf(app, keys.admin);
  assert.equal(acts.length, 61);
  assert.equal(acts[0]?.more, 140);
});

test('pages go on where the one before ended', async () => {
  const app = await createTestApp({ apiKeys });
  for (let n = 0; n < 7; n++) await call(app, 'DELETE', `/keys/none_${n}`, keys.admin);
  const targets: unknown[] = [];
  for (let path = '/audit?limit=3'; path !== ''; ) {
    const { body } = await call(app, 'GET', path, keys.admin);
    targets.push(...body.acts.map((act: { target: string }) => act.target));
    path = body.next === null ? '' : `/audit?limit=3&after=${body.next}`;
  }
  assert.deepEqual(
    targets,
    [6, 5, 4, 3, 2, 1, 0].map((n) => `none_${n}`),
  );
  assert.equal((await call(app, 'GET', "/audit?after='", keys.admin)).status, 422);
});
