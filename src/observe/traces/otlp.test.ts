import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { OtlpSpans } from './otlp.ts';
import type { SpanData } from './span.ts';

const span = (name: string): SpanData => ({
  ...{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), name, kind: 'internal' },
  ...{ startedAt: 1_000.5, endedAt: 2_000, attributes: {} },
});

/** A collector whose answers come when the test says so. */
function opened(options: { queueLimit?: number; batchSize?: number } = {}) {
  const sent: string[][] = [];
  const answers: ((code: 0 | 1) => void)[] = [];
  const dropped: [number, string][] = [];
  const spans = new OtlpSpans({
    ...{ version: '1', queueLimit: 100, batchSize: 10, delayMs: 5, ...options },
    onDropped: (count, reason) => dropped.push([count, reason]),
    exporter: {
      export(batch, done) {
        sent.push(batch.map(({ name }) => name));
        answers.push((code) => done({ code }));
      },
    },
  });
  const until = async (count: number) => {
    while (sent.length < count) await wait(1);
  };
  return { spans, sent, answers, dropped, until };
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
  const { spans, answers, dropped, until } = opened({ queueLimit: 3, batchSize: 3 });
  for (let n = 0; n < 8; n++) spans.add(span(String(n)));
  await until(1);
  assert.deepEqual(dropped, [
    [1, 'queue_full'],
    [1, 'queue_full'],
  ]);
  answers[0]!(1);
  await until(2);
  assert.deepEqual(dropped.at(-1), [3, 'not_taken']);
});

test('the end sends what waits, and does not wait for a collector that hangs', {
  timeout: 10_000,
}, async () => {
  const { spans, sent } = opened();
  spans.add(span('last'));
  await spans.flush(20);
  assert.deepEqual(sent, [['last']]);
});
