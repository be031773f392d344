import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTestApp } from '../../../test/fixtures/app.ts';
import { untilStatus } from '../../engine/contract/harness.ts';

const headers = { 'x-api-key': 'operator-key-0123456789' };
const apiKeys = 'ops:operate:operator-key-0123456789,eyes:read:reader-key-0123456789';

describe('runs over HTTP', () => {
  test('are listed, shown with their history, and ended by an operator', async () => {
    const never = new Promise<never>(() => {});
    const app = await createTestApp({
      apiKeys: `${apiKeys},in:ingest:sender-key-0123456789`,
      answer: () => never,
    });
    const call = async (method: 'GET' | 'POST', url: string, key = headers['x-api-key']) =>
      (await app.server.inject({ method, url, headers: { 'x-api-key': key } })).json();
    const asked = await app.ask(undefined, { 'x-api-key': 'sender-key-0123456789' });
    const { runs } = await call('GET', '/runs?status=running&flow=query');
    assert.equal(runs.length, 1);
    const { run_id: runId } = runs[0];
    await untilStatus(app.engine, runId, 'running');
    assert.equal(asked.status, 202);
    const { flows } = await call('GET', '/flows');
    const query = flows.find((one: { flow: string }) => one.flow === 'query');
    assert.deepEqual([query.registered, query.unfinished, query.statuses], [true, 1, { running: 1 }]);
    const shown = await call('GET', `/runs/${runId}`);
    assert.equal(shown.history.at(-1).status, 'pending');
    assert.equal((await call('POST', `/runs/${runId}/terminate`, 'reader-key-0123456789')).code, 'forbidden');
    assert.equal((await call('POST', `/runs/${runId}/terminate`)).status, 'cancelled');
    assert.equal((await call('POST', `/runs/${runId}/resume`)).status, 'cancelled');
    assert.equal((await call('GET', '/runs/nonsense')).code, 'unknown_run');
    assert.equal((await call('GET', '/runs?status=asleep')).code, 'invalid_request');
  });
});
