import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeDuration, formatDuration, parseDuration } from './duration.ts';

test('what is formatted is parsed back exactly', () => {
  fc.assert(fc.property(fc.nat(999_999_999), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)));
  assert.equal(formatDuration(90_000), '90s');
  assert.equal(formatDuration(7_200_000), '2h');
  assert.equal(parseDuration('1.5 min'), 90_000);
  for (const text of ['', '5', 's', '-1s', '1 week', '1e3s'])
    assert.equal(parseDuration(text), undefined, text);
});

test('durations for people', () => {
  const cases: [number, string][] = [
    [0, '0 ms'],
    [849.6, '850 ms'],
    [2_400, '2.4 s'],
    [59_960, '1 min'],
    [185_000, '3 min 5 s'],
    [7_800_000, '2 h 10 min'],
    [90_000_000, '1 d 1 h'],
  ];
  for (const [ms, text] of cases) assert.equal(describeDuration(ms), text);
});
