import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createTestApp, question } from '../../test/fixtures/app.ts';
import { until } from '../../test/fixtures/until.ts';
import { readConfig } from '../config/config.ts';
import { conversations } from './conversations.ts';
import { parseEvents } from './event-source.ts';
import { runCommand } from './run.ts';

function tailOf(context: TestContext, url: string, ...args: string[]) {
  const told = { out: '', error: '' };
  const abort = new AbortController();
  context.after(() => abort.abort());
  const code = runCommand(
    { conversations: async () => conversations },
    ['conversations', 'tail', '--url', url, ...args],
    {
      readConfig: () => readConfig({}),
      ...{ signal: abort.signal, columns: 200, colours: false },
      write(text) {
        told.out += text;
      },
      writeError(text) {
        told.error += text;
      },
    },
  );
  const rows = () =>
    told.out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  return { told, code, rows, stop: () => abort.abort() };
}

test('the events of all conversations are shown as they come, as lines or as JSON, until Ctrl-C', async (context) => {
  const app = await createTestApp();
  await app.server.listen({ port: 0, host: '127.0.0.1' });
  const url = `127.0.0.1:${(app.server.server.address() as AddressInfo).port}`;
  const people = tailOf(context, url, '--event', 'WEBHOOK_CONVERSATION_COMPLETED', '--source-system', 'crm');
  const json = tailOf(context, url, '--json', '--after', '0', '--type', 'deal_analysis');
  await until(
    () => people.told.error,
    (text) => text !== '',
  );
  const { body } = await app.ask(question({ source_system: 'crm', query: 'Which deals\u001b[2J close?' }));
  await until(json.rows, ({ length }) => length === 6);
  await until(
    () => people.told.out,
    (text) => text !== '',
  );
  assert.match(
    people.told.out,
    new RegExp(
      `^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}  CONVERSATION_COMPLETED +${body.tracking_id}  crm/phase3_validation  delivery not configured · \\d+ ms\\n$`,
    ),
  );
  assert.equal(json.rows()[0].query, 'Which deals\u001b[2J close?');
  const all = tailOf(context, url, '--after', '0');
  await until(
    () => all.told.out,
    (text) => text.includes('REQUEST_RECEIVED'),
  );
  assert.ok(!all.told.out.includes('\u001b'));
  for (const each of [people, json, all]) each.stop();
  assert.deepEqual(await Promise.all([people.code, json.code, all.code]), [0, 0, 0]);
  const refused = tailOf(context, url, '--event', 'DELIVERED');
  assert.equal(await refused.code, 1);
  assert.match(refused.told.error, /"DELIVERED", which is none of WEBHOOK_/);
});

test('a connection that is lost is made anew after what was seen, whatever the server says meanwhile', async (context) => {
  const asked: (string | undefined)[] = [];
  const event = (n: number) => `id: ${n}\nevent: E\ndata: {"sequence":${n}}\n\n`;
  const answers: readonly ((response: ServerResponse) => void)[] = [
    (response) => response.end(`retry: 5\nid: 3\n\n${event(4)}${event(5)}`),
    (response) => response.writeHead(502).end('<html>Bad gateway</html>'),
    (response) => {
      response.write(`id: 5\n\n${event(6)}id: 7\nevent: E\nda`);
      setImmediate(() => response.destroy());
    },
    (response) => response.end(`retry: 5\nid: 6\n\n${event(7)}: still here\nid: 9\n\n`),
    (response) =>
      response
        .writeHead(401, { 'content-type': 'application/problem+json' })
        .end(JSON.stringify({ code: 'unauthenticated', detail: 'The API key is not one of this server.' })),
  ];
  const server = createServer((request, response) => {
    const answer = answers[asked.length]!;
    asked.push(request.headers['last-event-id'] as string | undefined);
    answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const { code, rows, told } = tailOf(
    context,
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    '--json',
  );
  assert.equal(await code, 1);
  assert.deepEqual(asked, [undefined, '5', '5', '6', '9']);
  assert.deepEqual(
    rows().slice(0, -1),
    [4, 5, 6, 7].map((sequence) => ({ sequence })),
  );
  assert.equal(rows().at(-1).code, 'unauthenticated');
  assert.match(told.error, /the connection was lost; connecting again …\nconnected again\n/);
});

test('no server at all is said at once', async (context) => {
  const { code, told } = tailOf(context, 'http://127.0.0.1:1');
  assert.equal(await code, 1);
  assert.match(told.error, /No Signalbox answers at http:\/\/127.0.0.1:1 /);
});

test('a stream is read as the standard says, however it is cut', async () => {
  const text =
    'retry: 10\r\nid: 1\r\n\r\n: a comment\n\nid\nevent: x\ndata: one\ndata:two\n\ndata\nid:2\n\ndata: ü not whole';
  const bytes = Buffer.from(text);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
      bytes.subarray(n * size, (n + 1) * size),
    );
    const seen = [];
    for await (const event of parseEvents(ReadableStream.from(pieces))) seen.push(event);
    assert.deepEqual(seen, [
      { id: '1', retryMs: 10, data: undefined },
      { id: '1', retryMs: 10, data: undefined },
      { id: '', retryMs: 10, data: 'one\ntwo' },
      { id: '2', retryMs: 10, data: '' },
    ]);
  }
});
