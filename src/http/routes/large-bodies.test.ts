import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createTestApp, type TestAppOptions } from '../../../test/fixtures/app.ts';

const limit = 64 * 1_024;

async function listening(options: TestAppOptions = {}) {
  const app = await createTestApp({ bodyLimitBytes: limit, ...options });
  await app.server.listen({ host: '127.0.0.1', port: 0 });
  const payload = {
    scheme: 'github',
    secrets: ['hush-hush'],
    starts: { flow: 'query' },
    options: { input: { query: 'a' } },
  };
  const headers = { host: 'localhost' };
  await app.server.inject({ method: 'PUT', url: '/sources/tracker', headers, payload });
  return (app.server.server.address() as AddressInfo).port;
}

const doors = {
  '/webhooks/tracker': 'application/json',
  '/events': 'application/cloudevents+json',
  '/events/tracker': 'application/cloudevents-batch+json',
  '/workflows/trigger': 'application/json',
};

/** Sends a beginning, and then what `more` gives, until the other side has answered and closed. */
async function send(
  port: number,
  beginning: string,
  more?: Buffer,
): Promise<{ answer: string; sent: number }> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
  // It may be closed while we write.
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  socket.write(beginning);
  let sent = 0;
  while (more !== undefined && !socket.destroyed && chunks.length === 0 && sent < 100 * limit) {
    if (!socket.write(more)) await Promise.race([once(socket, 'drain').catch(() => {}), closed]);
    sent += more.length;
    await turn();
  }
  await closed;
  return { answer: Buffer.concat(chunks).toString(), sent };
}

const beginning = (url: string, type: string, framing: string) =>
  `POST ${url} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n${framing}\r\n\r\n`;

describe('a body over the limit', () => {
  for (const [url, type] of Object.entries(doors)) {
    test(`${url}: is refused by its length, before any of it is sent`, async () => {
      const port = await listening();
      const { answer } = await send(port, beginning(url, type, 'Content-Length: 10000000000'));
      assert.match(answer, /^HTTP\/1\.1 413 /);
      assert.match(answer, /payload_too_large/);
    });

    test(`${url}: is refused as it comes, when its length is not said`, async () => {
      const port = await listening();
      const piece = Buffer.alloc(8 * 1_024, 'x');
      const chunk = Buffer.concat([
        Buffer.from(`${piece.length.toString(16)}\r\n`),
        piece,
        Buffer.from('\r\n'),
      ]);
      const { answer, sent } = await send(port, beginning(url, type, 'Transfer-Encoding: chunked'), chunk);
      assert.match(answer, /^HTTP\/1\.1 413 /);
      assert.ok(sent < 100 * limit, `it took ${sent} bytes`);
    });
  }

  test('a webhook whose body does not come to its end is cut off, unverified', async () => {
    const port = await listening({ requestTimeoutMs: 300 });
    const begun = performance.now();
    const { answer } = await send(
      port,
      `${beginning('/webhooks/tracker', 'application/json', 'Content-Length: 100')}{"a":`,
    );
    assert.match(answer, /^HTTP\/1\.1 408 /);
    assert.ok(performance.now() - begun < 5_000);
  });
});
