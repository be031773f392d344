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
