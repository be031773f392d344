import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { Type } from 'typebox';
import { createTestApp, type TestApp } from '../../test/fixtures/app.ts';
import { Secret } from '../core/secret.ts';
import { defineFlow } from '../engine/flow.ts';
import { createAgentSigner } from '../identity/agent-tokens.ts';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const other = '00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-00';
const root = 'Root=1-5759e988-bd862e3fe1be46a994272793';
const headers = { host: 'localhost', traceparent, tracestate: 'vendor=1' };
const said = { traceparent, tracestate: 'vendor=1', xrayTrace: undefined };
const timestamp = '2026-08-14T09:18:33.360Z';
const ask = { query: 'What deals are closing?', source_system: 'crm', source_process: 'p', timestamp };

async function post(app: TestApp, url: string, payload: object, more: Record<string, string> = {}) {
  const sent = { ...headers, 'content-type': 'application/json', ...more };
  const response = await app.server.inject({
    method: 'POST',
    url,
    headers: sent,
    payload: JSON.stringify(payload),
  });
  assert.ok(response.statusCode < 300, `${url} ${response.statusCode} ${response.body}`);
  return response.json();
}

async function traceOf(app: TestApp, runId: string) {
  const run = await app.server.inject({ url: `/runs/${runId}`, headers: { host: 'localhost' } });
  const { traceparent, tracestate, xrayTrace } = run.json().input;
  return { traceparent, tracestate, xrayTrace };
}

test('whichever door it comes by, what a sender says of its trace is kept with the run', async () => {
  const app = await createTestApp();
  const asked = await post(app, '/webhook', ask);
  assert.deepEqual(await traceOf(app, asked.tracking_id), said);
  const triggered = await post(app, '/workflows/trigger', { definition_id: 'query', input_data: ask });
  assert.deepEqual(await traceOf(app, triggered.execution_id), said);
  const source = { secrets: ['user:hush'], starts: { flow: 'query' }, options: { input: ask } };
  const put = (name: string, scheme: string, secrets: string[]) =>
    app.server.inject({
      ...{ method: 'PUT', url: `/sources/${name}`, headers: { host: 'localhost' } },
      payload: { ...source, scheme, secrets },
    });
  await put('basic', 'basic', ['user:hush']);
  await put('subscription', 'cloudevents', []);
  const authorization = `Basic ${btoa('user:hush')}`;
  const hooked = await post(app, '/webhooks/basic', {}, { authorization });
  assert.deepEqual(await traceOf(app, hooked.runs[0].run_id), said);
  const xray = await post(app, '/webhook', ask, { traceparent: 'x', 'x-amzn-trace-id': `Self=1;${root}` });
  assert.deepEqual(await traceOf(app, xray.tracking_id), {
    ...{ traceparent: undefined, tracestate: undefined, xrayTrace: root },
  });
});

test('an event that says itself which trace it came of is in that, others in that of the request', async () => {
  const app = await createTestApp();
  const source = { scheme: 'cloudevents', secrets: [], starts: { flow: 'query' }, options: { input: ask } };
  const put = { method: 'PUT', url: '/sources/subscription', headers: { host: 'localhost' } } as const;
  assert.equal((await app.server.inject({ ...put, payload: source })).statusCode, 201);
  const about = { specversion: '1.0', source: '/s', type: 't' };
  const batch = [
    { ...about, id: '1', traceparent: other, tracestate: 'a=b' },
    { ...about, id: '2' },
    { ...about, id: '3', traceparent: 'nonsense' },
  ];
  const type = { 'content-type': 'application/cloudevents-batch+json' };
  const { events } = await post(app, '/events', batch, type);
  const traces = [];
  for (const { runs } of events) traces.push(await traceOf(app, runs[0].run_id));
  assert.deepEqual(traces, [{ traceparent: other, tracestate: 'a=b', xrayTrace: undefined }, said, said]);
  const binary = { 'ce-id': '4', 'ce-source': '/s', 'ce-type': 't', 'ce-specversion': '1.0' };
  const single = await post(app, '/events', {}, { ...binary, 'ce-traceparent': other });
  assert.equal((await traceOf(app, single.events[0].runs[0].run_id)).traceparent, other);
  const message = (messageId: string, body: object) => ({
    ...{ eventSource: 'aws:sqs', messageId, body: JSON.stringify(body) },
    attributes: { AWSTraceHeader: root },
  });
  const trigger = { definition_id: 'query', input_data: ask };
  const records = { Records: [message('m1', trigger), message('m2', { free: 'text' })] };
  const queued = await post(app, '/events', records);
  const [first, second] = queued.events;
  const shown = await app.server.inject({
    url: `/executions/${first.execution_id}`,
    headers: { host: 'localhost' },
  });
  const runs = [shown.json().run_id, second.runs[0].run_id];
  for (const runId of runs) assert.equal((await traceOf(app, runId)).xrayTrace, root);
});

test('any flow is part of the trace whose input has room for it, and no other fails of it', async () => {
  const plain = { name: 'plain', version: 1, output: Type.Null(), run: async () => null };
  const open = defineFlow({ ...plain, input: Type.Object({ account: Type.String() }) });
  const closed = defineFlow({
    ...{ ...plain, name: 'closed' },
    input: Type.Object({ account: Type.String() }, { additionalProperties: false }),
  });
  const app = await createTestApp({ offeredFlows: [open, closed] as never });
  const trigger = (definition_id: string, more = {}) =>
    post(app, '/workflows/trigger', { definition_id, input_data: { account: 'a', ...more } });
  assert.deepEqual(await traceOf(app, (await trigger('plain')).execution_id), said);
  const own = await trigger('plain', { traceparent: 'its own' });
  assert.equal((await traceOf(app, own.execution_id)).traceparent, 'its own');
  const kept = await traceOf(app, (await trigger('closed')).execution_id);
  assert.equal(kept.traceparent, undefined);
});

test('an agent elsewhere that asks again from another span asks the same question', async () => {
  const publicUrl = 'https://b.example';
  const pair = generateKeyPairSync('ed25519');
  const pem = new Secret(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  const signer = createAgentSigner('a', pem);
  const app = await createTestApp({ publicUrl, agentCallers: [{ name: 'a', key: pair.publicKey }] });
  const names = { flow_id: 'query', source_agent: 'manager', target_agent: 'tester', version: '1.0' };
  const ids = { request_id: 'r', message_id: 'm', idempotency_key: 'k', correlation_id: 's' };
  const payload = {
    metadata: { ...names, ...ids, timestamp },
    payload: { question: 'How many?', session_id: 's' },
  };
  const audience = `${publicUrl}/agents/tester`;
  for (const from of [traceparent, other]) {
    const token = await signer.sign({ agent: 'manager', audience, body: JSON.stringify(payload) });
    const more = { host: 'b.example', authorization: `Bearer ${token}`, traceparent: from };
    await post(app, '/agents/tester/invoke', payload, more);
  }
  const runs = await app.server.inject({
    url: '/runs?flow=agent-invocation',
    headers: { host: 'localhost' },
  });
  assert.deepEqual(
    runs.json().runs.map(({ input }: { input: { traceparent: string } }) => input.traceparent),
    [traceparent],
  );
});
