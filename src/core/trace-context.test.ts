import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuidv7 } from './ids.ts';
import {
  formatTraceparent,
  parseTraceparent,
  readSenderTrace,
  remoteOf,
  senderTraceOf,
  spanIdOf,
  traceHeaders,
  traceIdOf,
} from './trace-context.ts';

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
  assert.deepEqual(traceHeaders({}), {});
});

test('of what header fields say of a trace nothing is kept but what is known of it', () => {
  const good = `00-${traceId}-${spanId}-01`;
  const state = 'rojo=00f067aa0ba902b7, congo@t61=a b';
  assert.deepEqual(readSenderTrace({ traceparent: good, tracestate: state }), {
    traceparent: good,
    tracestate: state,
  });
  const later = `cc-${traceId}-${spanId}-ff-${'<script>'.repeat(1_000)}`;
  assert.deepEqual(readSenderTrace({ traceparent: later }), { traceparent: good });
  for (const tracestate of [
    'no pair',
    'a=é',
    'a=b\u0000',
    'A=b',
    'x='.repeat(600),
    'a=1,'.repeat(33),
    'a==',
    ['a=1'],
  ]) {
    assert.deepEqual(
      readSenderTrace({ traceparent: good, tracestate }),
      { traceparent: good },
      String(tracestate),
    );
  }
  for (const traceparent of ['nonsense', `${good}, ${good}`, [good, good], undefined]) {
    assert.equal(readSenderTrace({ traceparent, tracestate: state }), undefined);
  }
});

test('the trace of X-Ray is read where there is no other, and passed on', () => {
  const root = 'Root=1-5759e988-bd862e3fe1be46a994272793';
  const header = `${root};Parent=53995c3f42cd8ad8;Sampled=1`;
  const read = (text: string) => readSenderTrace({ 'x-amzn-trace-id': text });
  const xrayTrace = header;
  assert.deepEqual(read(`Self=1-67891234-12456789abcdef012345678; ${header};Lineage=a87bd80c:0`), {
    xrayTrace,
  });
  assert.deepEqual(read(`Sampled=?;${root}`), { xrayTrace: root });
  assert.deepEqual(remoteOf({ xrayTrace: root }), {
    traceId: '5759e988bd862e3fe1be46a994272793',
    header: root,
  });
  assert.equal(remoteOf({ xrayTrace })?.spanId, '53995c3f42cd8ad8');
  assert.equal(remoteOf({ xrayTrace: `${root};Sampled=0` })?.sampled, false);
  assert.equal(traceIdOf({ xrayTrace, trackingId: 'x' }, 'a run'), '5759e988bd862e3fe1be46a994272793');
  assert.deepEqual(traceHeaders({ xrayTrace }), { 'x-amzn-trace-id': header });
  assert.deepEqual(senderTraceOf({ xrayTrace }), { xrayTrace });
  const both = { traceparent: `00-${traceId}-${spanId}-01`, 'x-amzn-trace-id': header };
  assert.deepEqual(readSenderTrace(both), { traceparent: both.traceparent });
  for (const text of [
    ...['', 'Root', 'Root=', 'Root=2-5759e988-bd862e3fe1be46a994272793', 'Parent=53995c3f42cd8ad8'],
    ...[`Root=1-00000000-${'0'.repeat(24)}`, `${root.toUpperCase()}`, `${root}${';a=b'.repeat(200)}`],
  ]) {
    assert.equal(read(text), undefined, text);
  }
});
