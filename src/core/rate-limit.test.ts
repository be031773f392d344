import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRateLimit } from './rate-limit.ts';

test('a rate limit is a count in a time', () => {
  assert.deepEqual(parseRateLimit('6000/1m'), { count: 6_000, windowMs: 60_000 });
  assert.deepEqual(parseRateLimit('1/1.5s'), { count: 1, windowMs: 1_500 });
});

test('what is none is not read as one', () => {
  for (const text of [
    '',
    '600',
    '/1m',
    '0/1m',
    '-1/1m',
    '1.5/1m',
    '600/0s',
    '600/500ms',
    '600/1m/2',
    '1e3/1m',
  ])
    assert.equal(parseRateLimit(text), undefined, text);
});
