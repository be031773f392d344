import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { answer, type Receiver, startReceiver } from '../../test/fixtures/receiver.ts';
import { selfSigned } from '../../test/fixtures/self-signed.ts';
import { createSender, type Sender } from './send.ts';

let receiver: Receiver;
let sender: Sender;

before(async () => {
  receiver = await startReceiver();
  sender = createSender({ timeoutMs: 1_000 });
});
beforeEach(() => receiver.received.splice(0));
after(async () => {
  await sender.close();
  await receiver.close();
});

const send = (url = receiver.url, signal = new AbortController().signal) =>
  sender.send(
    {
      url,
      trust: 'operator',
      headers: { 'content-type': 'application/json', 'webhook-id': 'm' },
      body: '{"ü":1}',
    },
    signal,
  );

test('posts the body and the headers as they are', async () => {
  const outcome = await send(`${receiver.url}?a=b`);
  assert.equal(outcome.kind, 'delivered');
  const [delivery] = receiver.received;
  assert.deepEqual([delivery?.method, delivery?.path, delivery?.body], ['POST', '/hook?a=b', '{"ü":1}']);
  assert.equal(delivery?.headers['webhook-id'], 'm');
});

const failures = [
  ['500 with its text', answer(500, {}, 'broken\nhere'), 500, /answered 500: broken here/, undefined],
  [
    'a redirect',
    answer(302, { location: 'http://127.0.0.1:1/x?secret=1' }),
    302,
    /redirect to http:\/\/127.0.0.1:1\/x;/,
    undefined,
  ],
  ['429 with seconds', answer(429, { 'retry-after': '7' }), 429, /429/, 7_000],
  ['503 with seconds', answer(503, { 'retry-after': '120' }), 503, /503/, 120_000],
  ['500 with Retry-After, which is not obeyed', answer(500, { 'retry-after': '9' }), 500, /500/, undefined],
  ['429 with nonsense', answer(429, { 'retry-after': 'soon' }), 429, /429/, undefined],
  ['400', answer(400), 400, /answered 400/, undefined],
  ['nothing at all', { kind: 'hang_before_headers' }, null, /No complete response within 1000 ms/, undefined],
  ['headers and half a body', { kind: 'hang_in_body' }, null, /within 1000 ms/, undefined],
  ['a trickle', { kind: 'trickle', everyMs: 20 }, null, /within 1000 ms/, undefined],
  ['an early end', { kind: 'close_before_headers' }, null, /closed|reset/, undefined],
  ['an end within the body', { kind: 'close_in_body' }, null, /closed|reset|terminated/, undefined],
] as const;

for (const [title, behaviour, statusCode, reason, retryAfterMs] of failures) {
  test(`a receiver that answers ${title} is a failure`, async () => {
    receiver.next(behaviour);
    const outcome = await send();
    assert.ok(outcome.kind === 'failed');
    assert.equal(outcome.statusCode, statusCode);
    assert.match(outcome.reason, reason);
    assert.equal(outcome.retryAfterMs, retryAfterMs);
    assert.equal(outcome.gone, false);
    assert.equal(receiver.received.length, 1);
  });
}

test('Retry-After as a date is a wait from now', async () => {
  const at = new Date(Date.now() + 60_000).toUTCString();
  receiver.next(answer(503, { 'retry-after': at }));
  const outcome = await send();
  assert.ok(outcome.kind === 'failed' && outcome.retryAfterMs! > 57_000 && outcome.retryAfterMs! <= 60_000);
});

test('410 says that the receiver is gone', async () => {
  receiver.next(answer(410));
  const outcome = await send();
  assert.ok(outcome.kind === 'failed' && outcome.gone);
});

test('a huge body is not read to its end', async () => {
  receiver.next({ kind: 'huge_body', sizeBytes: 1024 ** 4 });
  assert.equal((await send()).kind, 'delivered');
});

test('nobody listening, no such host and no URL are failures with a reason', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  const refused = await send(`http://127.0.0.1:${port}/`);
  assert.ok(refused.kind === 'failed' && /ECONNREFUSED/.test(refused.reason));
  const noUrl = await send('not a url');
  assert.ok(noUrl.kind === 'failed' && /URL/.test(noUrl.reason));
});

test('TLS that cannot be trusted, or is none, is told as what it is', async (context) => {
  const patient = createSender({ timeoutMs: 10_000 });
  context.after(() => patient.close());
  const send = (url: string) =>
    patient.send({ url, trust: 'operator', headers: {}, body: '' }, new AbortController().signal);
  const plain = createHttpServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const { port } = plain.address() as { port: number };
  const noTls = await send(`https://127.0.0.1:${port}/`);
  plain.close();
  assert.ok(noTls.kind === 'failed');
  assert.match(noTls.reason, /^TLS failed \((EPROTO|ERR_SSL_\w+)\)\. Does the receiver speak TLS/);
  const secure = createHttpsServer(selfSigned, (_, response) => response.end()).listen(0, '127.0.0.1');
  await once(secure, 'listening');
  const untrusted = await send(`https://127.0.0.1:${(secure.address() as { port: number }).port}/`);
  secure.close();
  assert.ok(untrusted.kind === 'failed');
  assert.match(
    untrusted.reason,
    /^The certificate .* not valid \(DEPTH_ZERO_SELF_SIGNED_CERT\)\..*NODE_EXTRA_CA_CERTS/,
  );
});

test('stopping is no outcome: it throws the reason of the signal', async () => {
  const abort = new AbortController();
  receiver.next({ kind: 'hang_before_headers' });
  const sending = send(receiver.url, abort.signal);
  await receiver.waitFor(1);
  abort.abort(new Error('stopping'));
  await assert.rejects(sending, /stopping/);
  await assert.rejects(send(receiver.url, abort.signal), /stopping/);
});
