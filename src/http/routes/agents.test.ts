import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { answerOf, createTestApp, type TestApp, type TestAppOptions } from '../../../test/fixtures/app.ts';
import { SignalboxError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { createAgentSigner } from '../../identity/agent-tokens.ts';

const publicUrl = 'https://b.example';
const pair = generateKeyPairSync('ed25519');
const pem = new Secret(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
const signer = createAgentSigner('a', pem);

const open = (options: TestAppOptions = {}) =>
  createTestApp({ publicUrl, agentCallers: [{ name: 'a', key: pair.publicKey }], ...options });

const envelope = (fields: object = {}, payload: object = {}) => ({
  metadata: {
    ...{ request_id: 'request-1', flow_id: 'query', source_agent: 'manager', target_agent: 'tester' },
    ...{ message_id: 'message-1', timestamp: '2026-08-14T09:18:33.360Z', idempotency_key: 'run/1' },
    ...{ correlation_id: 'session-1', version: '1.0', ...fields },
  },
  payload: { question: 'What deals are closing?', session_id: 'session-1', ...payload },
});

async function invoke(app: TestApp, body: unknown, name = 'tester', own?: string) {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const audience = `${publicUrl}/agents/${name}`;
  const token = own ?? (await signer.sign({ agent: 'manager', audience, body: payload }));
  const headers = { host: 'b.example', 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const url = `/agents/${name}/invoke`;
  const response = await app.server.inject({ method: 'POST', url, headers, payload });
  return { status: response.statusCode, headers: response.headers, body: response.json() };
}

describe('POST /agents/{name}/invoke', () => {
  test('answers in the envelope, once for each idempotency key', async () => {
    let asked = 0;
    const app = await open({ answer: () => answerOf(`answer ${++asked}`) });
    const first = await invoke(app, envelope());
    assert.equal(first.status, 200);
    assert.deepEqual(first.body.payload, {
      ...{ markdown: 'answer 1', plain: 'answer 1', understood: true, topic: null },
      tool_calls: [
        { tool: 'warehouse.query', input: { sql: 'SELECT 1' }, output: { rows: 1 }, duration_ms: 2 },
      ],
    });
    const { metadata } = first.body;
    assert.deepEqual(
      [metadata.source_agent, metadata.target_agent, metadata.request_id, metadata.idempotency_key],
      ['tester', 'manager', 'request-1', 'run/1'],
    );
    const later = envelope({ message_id: 'message-2', timestamp: '2026-08-14T09:19:00.000Z' });
    const again = await invoke(app, later);
    assert.deepEqual(again.body.payload, first.body.payload);
    assert.equal(again.headers['idempotent-replayed'], 'true');
    assert.equal(again.body.metadata.message_id, metadata.message_id);
    const other = await invoke(app, envelope({}, { question: 'Something else?' }));
    assert.deepEqual([other.status, other.body.error.code], [422, 'idempotency_key_reused']);
    assert.equal(other.body.error.retry_strategy.max_attempts, 0);
    const another = await invoke(app, envelope({ idempotency_key: 'run/2' }));
    assert.equal(another.body.payload.plain, 'answer 2');
  });

  test('many at once with one key are one question', async () => {
    let asked = 0;
    const app = await open({ answer: () => answerOf(`answer ${++asked}`) });
    const all = await Promise.all(Array.from({ length: 20 }, () => invoke(app, envelope())));
    assert.deepEqual([...new Set(all.map(({ body }) => body.payload?.plain))], ['answer 1']);
    assert.equal(asked, 1);
  });

  test('an agent that fails for good is told of in the error envelope, each time', async () => {
    const fails = () => {
      throw new SignalboxError('warehouse_unavailable', 'No data.', { retryable: false });
    };
    const app = await open({ answer: fails });
    for (let n = 0; n < 2; n++) {
      const { status, body } = await invoke(app, envelope());
      assert.deepEqual(
        [status, body.error.code, body.error.message, body.error.severity],
        [502, 'warehouse_unavailable', 'No data.', 'error'],
      );
      assert.equal(body.error.retry_strategy.max_attempts, 0);
      assert.equal(body.error.diagnostic_info.trace_id, 'request-1');
      assert.equal(body.metadata.target_agent, 'manager');
    }
    const letters = await app.server.inject({ url: '/dead-letters', headers: { host: 'localhost' } });
    assert.deepEqual(letters.json().dead_letters, []);
  });

  test('an envelope that does not fit is refused with every fault', async () => {
    const app = await open();
    const wrong = await invoke(app, { metadata: { version: 1 }, payload: { question: '  ' } });
    assert.equal(wrong.status, 422);
    assert.equal(wrong.body.error.code, 'invalid_request');
    assert.equal(wrong.body.error.details.errors.length, 11);
    const pretended = await invoke(app, envelope({ source_agent: 'other', target_agent: 'x' }));
    assert.deepEqual(
      pretended.body.error.details.errors.map((error: { path: string }) => error.path),
      ['/metadata/target_agent', '/metadata/source_agent'],
    );
    for (const body of ['', '[]', '{"a":1,"a":2}', '{', `{"a":"${'x'.repeat(300)}"}`]) {
      const { status, body: answer } = await invoke(app, body);
      assert.ok(status === 400 || status === 422, body);
      assert.ok(answer.error.code);
    }
    assert.deepEqual((await invoke(app, envelope(), 'nobody')).status, 422);
    const nobody = await invoke(app, envelope({ target_agent: 'nobody' }), 'nobody');
    assert.deepEqual([nobody.status, nobody.body.error.code], [404, 'not_found']);
  });

  test('without a token, or with one that does not hold, nobody is let in', async () => {
    const app = await open();
    const text = JSON.stringify(envelope());
    const sign = (of: object) =>
      signer.sign({ agent: 'manager', audience: `${publicUrl}/agents/tester`, body: text, ...of });
    const elsewhere = await sign({ audience: 'https://c.example/agents/tester' });
    const stranger = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
    const forged = await createAgentSigner('a', new Secret(stranger as string)).sign({
      ...{ agent: 'manager', audience: `${publicUrl}/agents/tester`, body: text },
    });
    for (const token of ['', 'x', elsewhere, forged, await sign({ body: 'x' })]) {
      const { status, body } = await invoke(app, text, 'tester', token);
      assert.deepEqual([status, body.code], [401, 'unauthenticated']);
    }
    const once = await sign({});
    assert.equal((await invoke(app, text, 'tester', once)).status, 200);
    assert.equal((await invoke(app, text, 'tester', once)).status, 401, 'a token is taken once');
    const closed = await createTestApp();
    assert.equal((await invoke(closed, text)).status, 401);
  });

  test('the limit of a caller holds', async () => {
    const app = await open({ rateLimit: { count: 2, windowMs: 60_000 } });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++)
      statuses.push((await invoke(app, envelope({ idempotency_key: `${n}` }))).status);
    assert.deepEqual(statuses, [200, 200, 429]);
  });
});
