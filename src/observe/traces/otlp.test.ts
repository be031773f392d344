import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { OtlpSpans } from './otlp.ts';
import { createOtlpExport } from './otlp-exporter.ts';
import type { SpanData } from './span.ts';

const span = (name: string): SpanData => ({
  ...{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), name, kind: 'internal' },
  ...{ startedAt: 1_000.5, endedAt: 2_000, attributes: {} },
});

/** A collector whose answers come when the test says so. */
function opened(options: { queueLimit?: number; batchSize?: number } = {}) {
  const sent: string[][] = [];
  const answers: ((code: 0 | 1) => void)[] = [];
  const changes: (string | undefined)[] = [];
  const dropped: [number, string][] = [];
  const spans = new OtlpSpans({
    ...{ version: '1', queueLimit: 100, batchSize: 10, delayMs: 5, ...options },
    onDropped: (count, reason) => dropped.push([count, reason]),
    onChange: (problem) => changes.push(problem),
    export: (batch) => {
      sent.push(batch.map(({ name }) => name));
      return new Promise((resolve) => {
        answers.push((code) =>
          resolve(code === 0 ? { rejected: 0 } : { rejected: batch.length, problem: 'It answered 400' }),
        );
      });
    },
  });
  const until = async (count: number) => {
    while (sent.length < count) await wait(1);
  };
  return { spans, sent, answers, dropped, changes, until };
}

test('what comes while a batch is under way is sent after it', { timeout: 10_000 }, async () => {
  const { spans, sent, answers, until } = opened();
  spans.add(span('first'));
  await until(1);
  spans.add(span('second'));
  // Longer than the delay: its timer rings while the first batch is still under way.
  await wait(30);
  spans.add(span('third'));
  assert.equal(sent.length, 1, 'one batch at a time');
  answers[0]!(0);
  await until(2);
  assert.deepEqual(sent, [['first'], ['second', 'third']]);
});

test('what does not fit, and what the collector did not take, is counted', { timeout: 10_000 }, async () => {
  const { spans, answers, dropped, changes, until } = opened({ queueLimit: 3, batchSize: 3 });
  for (let n = 0; n < 8; n++) spans.add(span(String(n)));
  await until(1);
  assert.deepEqual(dropped, [
    [1, 'queue_full'],
    [1, 'queue_full'],
  ]);
  answers[0]!(1);
  await until(2);
  assert.deepEqual(dropped.at(-1), [3, 'not_taken']);
  assert.equal(spans.problem, 'It answered 400');
  for (const answer of answers) answer(0);
  await spans.flush(1_000);
  assert.equal(spans.problem, undefined);
  assert.deepEqual(changes, ['It answered 400', undefined], 'what stays as it is is no news');
});

test('the end sends what waits, and does not wait for a collector that hangs', {
  timeout: 10_000,
}, async () => {
  const { spans, sent } = opened();
  spans.add(span('last'));
  await spans.flush(20);
  assert.deepEqual(sent, [['last']]);
});

/** A collector that gives one answer after the other, and what is dropped of spans that are sent to it one by one. */
async function against(...answers: readonly (readonly [number, Record<string, string>, Buffer?])[]) {
  let asked = 0;
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    const [status, headers, body] = answers[Math.min(asked++, answers.length - 1)]!;
    response.writeHead(status, headers).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.env.OTEL_EXPORTER_OTLP_TIMEOUT = '3000';
  const dropped: [number, string][] = [];
  const problems: (string | undefined)[] = [];
  const spans = new OtlpSpans({
    ...{ version: '1', queueLimit: 100, batchSize: 10, delayMs: 1, export: createOtlpExport() },
    onDropped: (count, reason) => dropped.push([count, reason]),
    onChange: (problem) => problems.push(problem),
  });
  for (let n = 0; n < 5; n++) spans.add(span(String(n)));
  await spans.flush(20_000);
  server.closeAllConnections();
  server.close();
  return { asked, dropped, problems };
}

/** `ExportTraceServiceResponse { partial_success { rejected_spans: 2, error_message: "too old" } }` */
const partial = Buffer.from([0x0a, 0x0b, 0x08, 2, 0x12, 7, ...Buffer.from('too old')]);
const taken = [200, { 'content-type': 'application/x-protobuf' }] as const;

test('what the collector asks for later is sent later; what it refuses is counted, and told once', {
  timeout: 30_000,
}, async () => {
  const busy = [429, { 'retry-after': '1' }] as const;
  assert.deepEqual(await against(busy, taken), { asked: 2, dropped: [], problems: [] });
  assert.deepEqual(await against([...taken, partial]), {
    ...{ asked: 1, dropped: [[2, 'rejected']], problems: ['too old'] },
  });
  const refused = await against([400, {}, Buffer.from('no')]);
  assert.deepEqual([refused.asked, refused.dropped], [1, [[5, 'not_taken']]]);
  assert.match(String(refused.problems[0]), /^It answered 400: Bad Request/);
  // Longer than the timeout: given up at once.
  const later = await against([503, { 'retry-after': '3600' }]);
  assert.deepEqual([later.asked, later.dropped], [1, [[5, 'not_taken']]]);
  const nonsense = await against([...taken, Buffer.from([0xff, 0xff, 0xff])]);
  assert.deepEqual(nonsense.dropped, [], 'it said that it took them');
});
