import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp } from '../../../test/fixtures/app.ts';

test('Accept chooses between a page of events and their stream', async () => {
  const app = await createTestApp();
  const { body } = await app.ask();
  await app.engine.wait(body.tracking_id);
  const typeFor = async (accept: string) => {
    const url = `/conversations/${body.tracking_id}/events`;
    const { headers, statusCode } = await app.server.inject({ url, headers: { host: 'localhost', accept } });
    assert.equal(statusCode, 200);
    return headers['content-type'];
  };
  const [stream, page] = ['text/event-stream; charset=utf-8', 'application/json; charset=utf-8'];
  assert.equal(await typeFor('Text/Event-Stream'), stream);
  assert.equal(await typeFor('text/event-stream, */*'), stream);
  assert.equal(await typeFor('text/event-stream;q=0, application/json'), page);
  assert.equal(await typeFor('text/event-stream;q=0.1, application/json'), page);
  assert.equal(await typeFor('*/*'), page);
});

test('HEAD is answered as GET is, without a body, a stream or a place among the streams', async (context) => {
  const app = await createTestApp({ streamLimit: 1 });
  const { body } = await app.ask();
  await app.engine.wait(body.tracking_id);
  const base = await app.server.listen({ port: 0, host: '127.0.0.1' });
  const [one, all] = [`/conversations/${body.tracking_id}/events`, '/conversations/events'];
  const head = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${base}${path}`, { method: 'HEAD', headers });
    assert.equal(await response.text(), '');
    return response;
  };
  const stream = { accept: 'text/event-stream' };
  for (const path of [one, all, `/webhook/${body.tracking_id}/events`]) {
    // More than there may be streams of all conversations.
    for (const _ of [1, 2, 3]) {
      const response = await head(path, stream);
      assert.deepEqual(
        [response.status, response.headers.get('content-type'), response.headers.get('x-accel-buffering')],
        [200, 'text/event-stream; charset=utf-8', 'no'],
        path,
      );
      assert.equal(response.headers.get('content-length'), null);
    }
  }
  for (const path of [one, all]) {
    const [answer, whole] = [await head(path), await (await fetch(`${base}${path}`)).text()];
    assert.equal(answer.headers.get('content-length'), String(Buffer.byteLength(whole)));
  }
  assert.equal((await head(one, { ...stream, 'last-event-id': '9999' })).status, 204);
  assert.equal((await head(one, { ...stream, 'last-event-id': 'x' })).status, 422);
  assert.equal((await head(`${all}?nope=1`, stream)).status, 422);
  assert.equal((await head('/webhook/01a1fc7e-324f-7a40-8041-a26047ae360e/events')).status, 404);
  const abort = new AbortController();
  context.after(() => abort.abort());
  const followed = await fetch(`${base}${all}`, { headers: stream, signal: abort.signal });
  assert.equal(followed.status, 200, 'the one place is free');
});

test('a stream goes on after the place of the parameter, or of the header, which is newer', async () => {
  const app = await createTestApp();
  const { body } = await app.ask();
  await app.engine.wait(body.tracking_id);
  const url = `/conversations/${body.tracking_id}/events`;
  const sequences = async (query: string, headers = {}) => {
    const accept = { host: 'localhost', accept: 'text/event-stream', ...headers };
    const { body: text } = await app.server.inject({ url: `${url}${query}`, headers: accept });
    return [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  };
  const all = await sequences('');
  assert.deepEqual(await sequences(`?after=${all[1]}`), all.slice(2));
  assert.deepEqual(await sequences(`?after=${all[1]}`, { 'last-event-id': String(all[2]) }), all.slice(3));
});
