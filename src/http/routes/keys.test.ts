import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp, question, type TestApp } from '../../../test/fixtures/app.ts';

const call = async (
  app: TestApp,
  method: 'GET' | 'POST' | 'DELETE',
  url: string,
  key = '',
  body?: object,
) => {
  const headers = { host: 'localhost', ...(key && { authorization: `Bearer ${key}` }) };
  const response = await app.server.inject({ method, url, headers, ...(body && { payload: body }) });
  return { status: response.statusCode, headers: response.headers, body: response.json() };
};

test('the first key closes the server; keys of admins make and revoke others', async () => {
  const app = await createTestApp();
  assert.equal((await call(app, 'GET', '/conversations')).status, 200, 'open to this machine');
  const root = await call(app, 'POST', '/keys', '', { name: 'root', scopes: ['admin'] });
  assert.equal(root.status, 201);
  assert.equal(root.headers['cache-control'], 'no-store');
  assert.equal(root.body.created_by, 'this machine');
  assert.equal((await call(app, 'GET', '/conversations')).status, 401, 'closed at once');
  const asked = { name: 'crm', scopes: ['ingest'], expires: '90d' };
  const crm = await call(app, 'POST', '/keys', root.body.key, asked);
  assert.equal(crm.body.created_by, 'root');
  assert.equal((await call(app, 'POST', '/keys', root.body.key, asked)).body.code, 'conflict');
  assert.equal((await app.ask(question(), { 'x-api-key': crm.body.key })).status, 202);
  const seen = await call(app, 'GET', '/conversations', crm.body.key);
  assert.deepEqual([seen.status, seen.body.code], [403, 'forbidden']);
  assert.equal((await call(app, 'POST', '/keys', crm.body.key, asked)).status, 403);
  const listed = await call(app, 'GET', '/keys', root.body.key);
  assert.deepEqual(
    listed.body.keys.map((key: { name: string; status: string }) => [key.name, key.status]).sort(),
    [
      ['crm', 'active'],
      ['root', 'active'],
    ],
  );
  const text = JSON.stringify(listed.body);
  for (const key of [root.body.key, crm.body.key]) assert.ok(!text.includes(key.slice(12)));
  assert.ok(!text.includes('sha256'));
  const revoked = await call(app, 'DELETE', `/keys/${crm.body.id}`, root.body.key);
  assert.equal(revoked.body.status, 'revoked');
  assert.equal((await app.ask(question(), { 'x-api-key': crm.body.key })).status, 401, 'at once');
  assert.equal((await call(app, 'DELETE', '/keys/crm', root.body.key)).status, 404, 'its name is free');
  assert.equal((await call(app, 'POST', '/keys', root.body.key, asked)).status, 201);
  await call(app, 'DELETE', '/keys/root', root.body.key);
  assert.equal((await call(app, 'GET', '/conversations')).status, 401, 'never open again');
});

test('a name of SIGNALBOX_API_KEYS is taken, and faults are said', async () => {
  const admin = 'a'.repeat(20);
  const app = await createTestApp({ apiKeys: `me:admin:${admin}` });
  const taken = await call(app, 'POST', '/keys', admin, { name: 'me', scopes: ['read'] });
  assert.deepEqual([taken.status, taken.body.code], [409, 'conflict']);
  const wrong = await call(app, 'POST', '/keys', admin, { name: '', scopes: ['root'] });
  assert.deepEqual(
    [wrong.status, wrong.body.errors.map((error: { path: string }) => error.path)],
    [422, ['/name', '/scopes']],
  );
  assert.equal((await call(app, 'DELETE', '/keys/me', admin)).status, 404);
});
