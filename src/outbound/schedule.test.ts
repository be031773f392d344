import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultSchedule, nextAttemptDelayMs, parseRetryAfter } from './schedule.ts';

test('the default schedule is that of the contract, ±10 %', () => {
  assert.deepEqual(
    defaultSchedule.map((waitMs) => waitMs / 1_000),
    [2, 4, 8, 60, 300, 1_800, 7_200, 21_600, 43_200],
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempt, random) => {
        const delayMs = nextAttemptDelayMs(defaultSchedule, { attempt, random })!;
        const planned = defaultSchedule[attempt - 1]!;
        assert.ok(delayMs >= planned * 0.9 - 1 && delayMs <= planned * 1.1 + 1);
      },
    ),
  );
  assert.equal(nextAttemptDelayMs(defaultSchedule, { attempt: 10, random: 0.5 }), undefined);
});

test('Retry-After replaces a shorter wait, is bounded, and adds no attempt', () => {
  const failed = { attempt: 1, random: 0.5 };
  assert.equal(nextAttemptDelayMs([2_000], { ...failed, retryAfterMs: 7_000 }), 7_000);
  assert.equal(nextAttemptDelayMs([2_000], { ...failed, retryAfterMs: 10 }), 2_000);
  assert.equal(nextAttemptDelayMs([2_000], { ...failed, retryAfterMs: 1e12 }), 86_400_000);
  assert.equal(nextAttemptDelayMs([], { ...failed, retryAfterMs: 7_000 }), undefined);
});

test('Retry-After is seconds or an HTTP date, in each of its three forms', () => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 30);
  const cases: [string | undefined, number | undefined][] = [
    ['120', 120_000],
    [' 0 ', 0],
    ['1000000000000', 1_000_000_000_000_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 7_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 7_000],
    ['Sun Nov  6 08:49:37 1994', 7_000],
    ['Sun, 06 Nov 1994 08:49:00 GMT', undefined],
    [undefined, undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['1994-11-06', undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseRetryAfter(text, now), expected, String(text));
});
