import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { type CollectedSpan, startCollector } from './fixtures/otlp-collector.ts';
import { answer, startReceiver } from './fixtures/receiver.ts';
import { noServer, restateBinary, startRestateServer } from './fixtures/restate-server.ts';
import { freePort, startServer } from './fixtures/server-process.ts';

/** Traces as a collector sees them, of real processes. */
const folder = mkdtempSync(join(tmpdir(), 'signalbox-traces-'));
after(() => rmSync(folder, { recursive: true }));

const traceId = '0af7651916cd43dd8448eb211c80319c';
const callerSpanId = 'b7ad6b7169203331';

async function ask(url: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(`${url}/webhook`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      query: 'What deals are closing this quarter?',
      source_system: 'crm',
      source_process: 'traces',
      timestamp: new Date().toISOString(),
    }),
  });
  assert.equal(response.status, 202);
  return ((await response.json()) as { tracking_id: string }).tracking_id;
}

async function around(context: TestContext, options?: Parameters<typeof startCollector>[0]) {
  const [collector, receiver] = await Promise.all([startCollector(options), startReceiver()]);
  context.after(() => Promise.all([collector.close(), receiver.close()]));
  return { collector, receiver };
}

/** A server that does not outlive the test, whatever comes of that. */
async function begin(context: TestContext, variables: Record<string, string>) {
  const server = await startServer(variables);
  context.after(() => server.kill());
  return server;
}

async function until(what: string, look: () => boolean | Promise<boolean>, seen = () => ''): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await look())) {
    if (Date.now() > end) throw new Error(`${what} did not come: ${seen()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What a process needs to run flows on Restate. */
async function onRestate(context: TestContext): Promise<Record<string, string>> {
  const restate = await startRestateServer();
  context.after(() => restate.close());
  return {
    SIGNALBOX_ENGINE: 'restate',
    RESTATE_INGRESS_URLS: restate.ingressUrl,
    RESTATE_ADMIN_URL: restate.adminUrl,
    SIGNALBOX_WORKER_PORT: String(await freePort()),
  };
}

const title = 'one trace from the caller to the receiver, with a SIGKILL in the middle';
test(title, (context) => oneTrace(context, {}));
test(`${title}, on Restate`, { skip: restateBinary() === undefined && noServer }, async (context) =>
  oneTrace(context, await onRestate(context)),
);

async function oneTrace(context: TestContext, engine: Record<string, string>): Promise<void> {
  const { collector, receiver } = await around(context);
  const variables = {
    ...engine,
    SIGNALBOX_DATA_DIR: join(folder, `killed-${Object.keys(engine).length}`),
    SIGNALBOX_DELIVERY_SCHEDULE: '1500ms,1s',
    WEBHOOK_URL: `${receiver.url}?token=secret`,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=revops',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    OTEL_BSP_SCHEDULE_DELAY: '20',
  };
  const named = (name: string | RegExp) =>
    collector.spans.filter((span) => (typeof name === 'string' ? span.name === name : name.test(span.name)));
  receiver.next(answer(500));
  const first = await begin(context, variables);
  const traceparent = `00-${traceId}-${callerSpanId}-01`;
  const trackingId = await ask(first.url, { traceparent, tracestate: 'vendor=1' });
  await until('the spans before the crash', () =>
    ['POST', 'flow query', 'POST /webhook'].every((name) => named(name).length === 1),
  );
  await until('the failed attempt on the record', async () =>
    (await (await fetch(`${first.url}/webhook/${trackingId}`)).text()).includes('answered 500'),
  );
  await first.kill();
  assert.equal(named('flow delivery').length, 0, 'the delivery is not over yet');
  const second = await begin(context, variables);
  await until(
    'the end of the delivery',
    () => named('flow delivery').length > 0,
    () => `${collector.spans.map(({ name }) => name)}\n${receiver.received.length}\n${second.output()}`,
  );
  await second.stop();

  const { spans } = collector;
  assert.deepEqual([...new Set(spans.map((span) => span.traceId))], [traceId]);
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length, 'no span came twice');
  const one = (name: string | RegExp): CollectedSpan => {
    const found = named(name);
    assert.equal(found.length, 1, `${name}: ${spans.map((span) => span.name).join(', ')}`);
    return found[0]!;
  };
  const [accept, query, delivery] = [one('POST /webhook'), one('flow query'), one('flow delivery')];
  const [agent, wait] = [one('invoke_agent analyst'), one('wait backoff')];
  const tools = named(/^execute_tool /);
  const attempts = named('POST');
  assert.ok(tools.length > 0);
  assert.equal(attempts.length, 2);
  const parents: readonly (readonly [CollectedSpan, string])[] = [
    [accept, callerSpanId],
    [query, accept.spanId],
    [agent, query.spanId],
    ...tools.map((tool) => [tool, agent.spanId] as const),
    [one('prepare'), query.spanId],
    [delivery, query.spanId],
    ...attempts.map((attempt) => [attempt, delivery.spanId] as const),
    [wait, delivery.spanId],
  ];
  for (const [span, parent] of parents) assert.equal(span.parentSpanId, parent, span.name);
  assert.equal(parents.length, spans.length, 'there are no others');
  for (const span of spans) assert.ok(span.endedAtNs >= span.startedAtNs, span.name);
  const slackNs = 2_000_000n;
  for (const tool of tools) {
    assert.ok(tool.startedAtNs + slackNs >= agent.startedAtNs, 'a tool begins after its agent');
    assert.ok(tool.endedAtNs <= agent.endedAtNs + slackNs, 'and ends before it');
  }
  const waitedMs = Number(wait.endedAtNs - wait.startedAtNs) / 1e6;
  assert.ok(waitedMs >= 1_300, `the wait is as long as it was, over the crash: ${waitedMs}`);

  assert.deepEqual([accept.kind, agent.kind, attempts[0]!.kind], [2, 1, 3]);
  assert.equal(accept.attributes['http.route'], '/webhook');
  assert.equal(accept.attributes['signalbox.tracking_id'], trackingId);
  assert.equal(agent.attributes['gen_ai.operation.name'], 'invoke_agent');
  assert.equal(agent.attributes['gen_ai.agent.name'], 'analyst');
  assert.equal(tools[0]!.attributes['gen_ai.tool.name'], 'warehouse.query');
  assert.deepEqual(
    attempts.map(({ attributes, status }) => [
      attributes['http.response.status_code'],
      attributes['http.request.resend_count'],
      attributes['error.type'],
      status,
    ]),
    [
      [500, undefined, '500', 2],
      [200, 1, undefined, 0],
    ],
  );
  assert.doesNotMatch(JSON.stringify(attempts.map(({ attributes }) => attributes)), /secret/);
  assert.equal(accept.resource['service.name'], 'signalbox');
  assert.equal(accept.resource['deployment.environment.name'], 'test');
  assert.equal(collector.headers['x-tenant'], 'revops');
  assert.deepEqual(
    receiver.received.map(({ headers }) => [headers.traceparent, headers.tracestate]),
    attempts.map(({ spanId }) => [`00-${traceId}-${spanId}-01`, 'vendor=1']),
  );
}

test('one trace through two of them and what X-Ray said; tools where they ran, content where it is wanted', async (context) => {
  const { collector, receiver } = await around(context);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = join(folder, 'agent.pem');
  writeFileSync(pem, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const port = String(await freePort());
  const address = `http://127.0.0.1:${port}`;
  const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '20' };
  await begin(context, {
    ...{ ...traced, OTEL_SERVICE_NAME: 'answering', PORT: port, SIGNALBOX_PUBLIC_URL: address },
    ...{ SIGNALBOX_DATA_DIR: join(folder, 'answering') },
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true',
    SIGNALBOX_AGENT_CALLERS: `asker=${publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`,
  });
  const asking = await begin(context, {
    ...{ ...traced, OTEL_SERVICE_NAME: 'asking', WEBHOOK_URL: receiver.url },
    ...{ SIGNALBOX_DATA_DIR: join(folder, 'asking'), SIGNALBOX_AGENT_URL: `${address}/agents/analyst` },
    ...{ SIGNALBOX_AGENT_NAME: 'asker', SIGNALBOX_AGENT_PRIVATE_KEY: pem },
  });
  const xray = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1';
  const trackingId = await ask(asking.url, { 'x-amzn-trace-id': xray });
  const { spans } = collector;
  const of = (service: string, name: string) =>
    spans.filter((span) => span.resource['service.name'] === service && span.name.startsWith(name));
  await until(
    'both ends',
    () => of('asking', 'flow delivery').length + of('answering', 'flow ').length === 2,
  );
  assert.deepEqual([...new Set(spans.map((span) => span.traceId))], ['5759e988bd862e3fe1be46a994272793']);
  assert.equal(of('asking', 'POST /webhook')[0]!.parentSpanId, '53995c3f42cd8ad8');
  const [asked] = of('asking', 'invoke_agent analyst');
  const [invoked] = of('answering', 'flow agent-invocation');
  const [answered] = of('answering', 'invoke_agent analyst');
  const tools = of('answering', 'execute_tool warehouse.query');
  assert.deepEqual([asked!.kind, asked!.attributes['server.port']], [3, Number(port)]);
  assert.equal(invoked!.parentSpanId, asked!.spanId);
  assert.equal(answered!.parentSpanId, invoked!.spanId);
  assert.ok(tools.length > 0 && tools.every((tool) => tool.parentSpanId === answered!.spanId));
  assert.equal(of('asking', 'execute_tool').length, 0, 'they ran elsewhere');
  assert.doesNotMatch(JSON.stringify(asked!.attributes), /closing/);
  const messages = JSON.parse(String(answered!.attributes['gen_ai.input.messages']));
  const content = 'What deals are closing this quarter?';
  assert.deepEqual(messages, [{ role: 'user', parts: [{ type: 'text', content }] }]);
  assert.match(String(answered!.attributes['gen_ai.output.messages']), /"finish_reason":"stop"/);
  assert.match(String(tools[0]!.attributes['gen_ai.tool.call.arguments']), /"sql":"SELECT/);
  await receiver.waitFor(1);
  const [delivered] = receiver.received;
  const [attempt] = of('asking', 'POST').filter(({ kind }) => kind === 3);
  const [, , spanId] = String(delivered!.headers.traceparent).split('-');
  assert.equal(spanId, attempt!.spanId);
  assert.match(String(delivered!.headers['x-amzn-trace-id']), new RegExp(`;Parent=${spanId};Sampled=1$`));
  const timeline = await (await fetch(`${asking.url}/conversations/${trackingId}/timeline`)).json();
  const calls = (timeline as { timeline: Record<string, unknown>[] }).timeline.filter(
    ({ kind }) => kind === 'tool_call',
  );
  assert.ok(calls.length > 0 && calls.every((call) => call.start_is_estimated === false));
});

test('nothing of OpenTelemetry is loaded unless it is asked for; what a sender says is passed on all the same', async (context) => {
  const { collector, receiver } = await around(context);
  const hook = join(folder, 'hook.mjs');
  writeFileSync(
    hook,
    `import { registerHooks } from 'node:module';
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context);
        if (/@opentelemetry/.test(found.url)) process.stderr.write('LOADED ' + found.url + '\\n');
        return found;
      },
    });`,
  );
  const loads = async (variables: Record<string, string>) => {
    const server = await begin(context, {
      SIGNALBOX_DATA_DIR: join(folder, 'loads'),
      NODE_OPTIONS: `--import=${hook}`,
      WEBHOOK_URL: receiver.url,
      ...variables,
    });
    const before = receiver.received.length;
    await ask(server.url, { traceparent: `00-${traceId}-${callerSpanId}-00`, tracestate: 'a=b' });
    await ask(server.url, { traceparent: 'nonsense' });
    await receiver.waitFor(before + 2);
    await server.stop();
    return server.output().includes('LOADED');
  };
  assert.equal(await loads({}), false);
  assert.deepEqual(
    new Set(receiver.received.map(({ headers }) => `${headers.traceparent} ${headers.tracestate}`)),
    new Set([`00-${traceId}-${callerSpanId}-00 a=b`, 'undefined undefined']),
  );
  assert.equal(await loads({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SDK_DISABLED: 'true' }), false);
  assert.equal(await loads({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }), true);
  // The first trace is one that its caller does not record.
  assert.ok(!collector.spans.some((span) => span.traceId === traceId));
  assert.ok(collector.spans.some((span) => span.name === 'POST /webhook'));
});

test('a collector that hangs costs its spans, which are counted, and no answer', async (context) => {
  const { collector, receiver } = await around(context, { answers: false });
  const server = await begin(context, {
    SIGNALBOX_DATA_DIR: join(folder, 'hanging'),
    WEBHOOK_URL: receiver.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
    OTEL_BSP_MAX_QUEUE_SIZE: '20',
    OTEL_BSP_SCHEDULE_DELAY: '10',
  });
  for (let n = 0; n < 20; n++) await ask(server.url);
  await receiver.waitFor(20);
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const dropped = Number(/signalbox_spans_dropped_total\{reason="queue_full"\} (\d+)/.exec(text)?.[1]);
  assert.ok(dropped > 50, `dropped ${dropped}`);
  const stopping = performance.now();
  assert.equal(await server.stop(), 0);
  assert.ok(performance.now() - stopping < 8_000, 'the end does not wait for it');
});
