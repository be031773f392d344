import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import fastify from 'fastify';
import { eventually } from '../engine/contract/harness.ts';
import { UnsentAnswers } from './unsent-answers.ts';

test('a reader that reads nothing keeps no more in memory than the limit, until it is gone', async (context) => {
  const unsent = new UnsentAnswers(20 * 1024 * 1024);
  const app = fastify();
  context.after(() => app.close());
  const sent: string[] = [];
  let most = 0;
  app.addHook('onSend', async (_, reply, payload) => {
    const admitted = unsent.admit(reply, payload) as string;
    most = Math.max(most, unsent.bytes);
    sent.push(admitted);
    return admitted;
  });
  app.get('/', async () => 'x'.repeat(1024 * 1024));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1').pause();
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(200));
  await eventually('all are made', () => sent.length === 200);
  assert.ok(most > 0 && most <= 20 * 1024 * 1024, String(most));
  const refused = sent.filter((payload) => payload.length < 1_000);
  assert.ok(refused.length > 100, String(refused.length));
  assert.equal(JSON.parse(refused[0]!).code, 'too_many_unread');
  socket.destroy();
  await eventually('nothing is counted any more', () => unsent.bytes === 0);
  const answered = await fetch(`http://127.0.0.1:${port}/`);
  assert.deepEqual([answered.status, (await answered.text()).length], [200, 1024 * 1024]);
  await eventually('what was sent is not counted', () => unsent.bytes === 0);
});
