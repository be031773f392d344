import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prefers } from './accept.ts';

const wants = (accept: string | undefined) => prefers(accept, 'text/event-stream', 'application/json');

test('a stream is wanted by who names it, whatever the case, and prefers it to the usual answer', () => {
  for (const accept of [
    'text/event-stream',
    'Text/Event-Stream',
    ' TEXT/EVENT-STREAM ; Charset=UTF-8',
    'text/event-stream;Q=0.5',
    'text/event-stream, */*',
    'text/event-stream, application/json',
    'application/json;q=0.9, text/event-stream',
    'text/event-stream;q=0.1, application/json;q=0',
    'text/event-stream;q=0, text/event-stream',
    'text/*;q=0.5, */*;q=0.1',
    ',,text/event-stream,',
  ]) {
    assert.equal(wants(accept), true, String(accept));
  }
});

test('nobody else gets one', () => {
  for (const accept of [
    undefined,
    '',
    '*/*',
    'application/json',
    'text/html, */*;q=0.8',
    'text/event-stream;q=0',
    'text/event-stream; q=0.000, application/json',
    'TEXT/EVENT-STREAM;Q=0, */*',
    'text/event-stream; q = 0',
    'text/event-stream;q="0"',
    'text/event-stream;q=0.5, application/json',
    'text/event-stream;q=0.5, application/*;q=0.6',
    'text/event-stream;q=0.5, */*',
    'text/*;q=0, */*',
    'text/event-stream-of-another-kind',
    'application/json;x=text/event-stream',
    'x-text/event-stream',
  ]) {
    assert.equal(wants(accept), false, String(accept));
  }
});

test('what is no preference at all is none', () => {
  assert.equal(wants('text/event-stream;q=much'), true);
  assert.equal(wants('text/event-stream;q=-1'), false);
  assert.equal(wants('text/event-stream;q=1e9'), true);
  const long = Array.from({ length: 8_000 }, () => ';').join(',');
  assert.equal(wants(long), false);
});
