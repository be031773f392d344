import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuidv7 } from './ids.ts';
import { formatTraceparent, parseTraceparent, spanIdOf, traceHeaders, traceIdOf } from './trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

test('a traceparent is read and written', () => {
  const context = parseTraceparent(`00-${traceId}-${spanId}-01`);
  assert.deepEqual(context, { traceId, spanId, sampled: true });
  assert.equal(formatTraceparent(context!), `00-${traceId}-${spanId}-01`);
  assert.equal(parseTraceparent(`00-${traceId}-${spanId}-02`)?.sampled, false);
  assert.equal(parseTraceparent(`01-${traceId}-${spanId}-03-more`)?.sampled, true);
});

test('what is no traceparent is none', () => {
  for (const text of [
    undefined,
    '',
    'nonsense',
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
  ]) {
    assert.equal(parseTraceparent(text), undefined, String(text));
  }
});

test('without a sender the trace is that of the tracking id; every id is one of its kind', () => {
  const trackingId = uuidv7(1_700_000_000_000);
  assert.equal(traceIdOf({ trackingId }, 'a run'), trackingId.replaceAll('-', ''));
  assert.equal(traceIdOf({ trackingId, traceparent: `00-${traceId}-${spanId}-00` }, 'a run'), traceId);
  assert.match(traceIdOf({}, 'a run'), /^[0-9a-f]{32}$/);
  assert.match(spanIdOf('x/1/1'), /^[0-9a-f]{16}$/);
  assert.equal(spanIdOf('x/1/1'), spanIdOf('x/1/1'));
  assert.notEqual(spanIdOf('x/1/1'), spanIdOf('x/1/2'));
  assert.deepEqual(traceHeaders({ trackingId }), {});
});
