import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { decodeJwt } from 'jose';
import { Secret } from '../../core/secret.ts';
import { createAgentSigner } from '../../identity/agent-tokens.ts';
import { createRemoteAgent, type RemoteAgentOptions } from './remote-agent.ts';

interface Seen {
  readonly jti: string;
  readonly idempotencyKey: string;
  readonly question: string;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const { privateKey } = generateKeyPairSync('ed25519');
const signer = createAgentSigner(
  'a',
  new Secret(privateKey.export({ format: 'pem', type: 'pkcs8' }) as string),
);
const good = JSON.stringify({
  metadata: {},
  payload: { markdown: '**1**', plain: '1', understood: true, topic: 'deal', tool_calls: [] },
});
const answer = (status: number, body: unknown = {}, headers: object = {}): Answer => {
  return (response) => response.writeHead(status, { ...headers }).end(JSON.stringify(body));
};
const error = (code: string, maxAttempts = 5) => ({
  error: { code, message: `because ${code}`, retry_strategy: { max_attempts: maxAttempts } },
});

describe('an agent in another process', () => {
  const seen: Seen[] = [];
  let answers: Answer[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { metadata, payload } = JSON.parse(text);
    const token = decodeJwt(String(request.headers.authorization).slice('Bearer '.length));
    const { idempotency_key: idempotencyKey } = metadata;
    seen.push({ jti: token.jti!, idempotencyKey, question: payload.question });
    const next = answers.shift();
    if (next === undefined) response.end(good);
    else next(response, request);
  });
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  beforeEach(() => {
    seen.length = 0;
    answers = [];
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const ask = (options: Partial<RemoteAgentOptions> = {}, signal = AbortSignal.timeout(20_000)) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/agents/analyst`;
    const retry = { maxAttempts: 4, delaysMs: [1] };
    const agent = createRemoteAgent({ url, source: 'manager', signer, retry, timeoutMs: 300, ...options });
    return agent.answer({ question: 'How many?', sessionId: 's', idempotencyKey: 'run/1', signal });
  };

  test('gives its answer', async () => {
    const expected = { markdown: '**1**', plain: '1', understood: true, topic: 'deal', toolCalls: [] };
    assert.deepEqual(await ask(), expected);
  });

  test('that fails for a moment is asked again, with the same key and another token', async () => {
    answers = [
      (response) => void response.destroy(),
      answer(503, error('shutting_down'), { 'retry-after': '1' }),
      () => {},
    ];
    assert.equal((await ask()).plain, '1');
    assert.deepEqual([...new Set(seen.map((one) => one.idempotencyKey))], ['run/1']);
    assert.equal(new Set(seen.map((one) => one.jti)).size, 4);
  });

  test('that is asked again says so each time, with why', async () => {
    answers = [answer(500, error('agent_failed')), (response) => void response.destroy()];
    const failed: unknown[] = [];
    await ask({ onRetry: ({ agent, attempt, reason }) => void failed.push([agent, attempt, reason]) });
    assert.equal(failed.length, 2);
    assert.deepEqual(failed[0], ['analyst', 1, 'it answered 500: because agent_failed']);
    assert.equal((failed[1] as unknown[])[1], 2);
  });

  test('that is still at work is asked until it has its answer', async () => {
    answers = Array.from({ length: 6 }, () => answer(409, error('idempotency_in_progress')));
    assert.equal((await ask({ retry: { maxAttempts: 1, delaysMs: [] } })).plain, '1');
    assert.equal(seen.length, 7);
  });

  test('that has failed for good, or refuses, is not asked again', async () => {
    const cases: [Answer, RegExp][] = [
      [answer(502, error('agent_failed', 0)), /answered 502: because agent_failed/],
      [answer(401, { code: 'unauthenticated', detail: 'The token does not hold.' }), /401: The token/],
      [answer(422, error('invalid_request', 0)), /answered 422/],
      [answer(302, {}, { location: 'http://169.254.169.254/' }), /answered 302/],
      [answer(200, { payload: { markdown: 1 } }), /not the envelope/],
      [answer(200, 'text'), /not the envelope/],
    ];
    for (const [first, message] of cases) {
      seen.length = 0;
      answers = [first];
      await assert.rejects(ask(), (thrown: { code?: string; retryable?: boolean; message: string }) => {
        assert.deepEqual([thrown.code, thrown.retryable], ['agent_failed', false]);
        assert.match(thrown.message, message);
        return true;
      });
      assert.equal(seen.length, 1);
    }
  });

  test('that stays away is an error that may be tried again later', async () => {
    answers = Array.from({ length: 4 }, () => answer(500, 'no'));
    await assert.rejects(ask(), { code: 'agent_failed', retryable: true });
    assert.equal(seen.length, 4);
    const nobody = ask({ url: 'http://127.0.0.1:1/agents/analyst' });
    await assert.rejects(nobody, { code: 'agent_failed', retryable: true });
  });

  test('that sends without end is cut off', async () => {
    answers = [
      (response) => {
        const timer = setInterval(() => response.write(Buffer.alloc(1_048_576)), 1);
        response.on('close', () => clearInterval(timer));
      },
    ];
    await assert.rejects(
      ask({ retry: { maxAttempts: 1, delaysMs: [] }, timeoutMs: 10_000 }),
      /more than 8388608/,
    );
  });

  test('is let go of when the question is', async () => {
    answers = [() => {}];
    const abort = new AbortController();
    const asked = ask({ timeoutMs: 60_000 }, abort.signal);
    while (seen.length === 0) await new Promise(setImmediate);
    abort.abort(new Error('cancelled'));
    await assert.rejects(asked, /cancelled/);
  });
});
