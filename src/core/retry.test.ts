import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exponentialDelays, jitter, nextDelayMs } from './retry.ts';

const policy = { maxAttempts: 4, delaysMs: [2_000, 4_000, 8_000] };
const failed = { attempt: 1, retryable: true, elapsedMs: 0, random: 0.5 };

test('delays follow the policy and end with it', () => {
  const delays = [1, 2, 3, 4].map((attempt) => nextDelayMs(policy, { ...failed, attempt }));
  assert.deepEqual(delays, [2_000, 4_000, 8_000, undefined]);
});

test('the last delay repeats', () => {
  assert.equal(nextDelayMs({ maxAttempts: 9, delaysMs: [10, 20] }, { ...failed, attempt: 7 }), 20);
});

test('what can not be mended is not tried again', () => {
  assert.equal(nextDelayMs(policy, { ...failed, retryable: false }), undefined);
});

test('the other side may ask for longer, not for shorter', () => {
  assert.equal(nextDelayMs(policy, { ...failed, retryAfterMs: 60_000 }), 60_000);
  assert.equal(nextDelayMs(policy, { ...failed, retryAfterMs: 1 }), 2_000);
});

test('no attempt begins after the time is over', () => {
  const bounded = { ...policy, maxElapsedMs: 10_000 };
  assert.equal(nextDelayMs(bounded, { ...failed, elapsedMs: 8_000 }), 2_000);
  assert.equal(nextDelayMs(bounded, { ...failed, elapsedMs: 8_001 }), undefined);
});

test('exponential delays', () => {
  assert.deepEqual(exponentialDelays({ initialMs: 1, maxMs: 10, count: 6 }), [1, 2, 4, 8, 10, 10]);
});

test('jitter stays within ten per cent', () => {
  const delays = fc.integer({ min: 0, max: 1e9 });
  const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(delays, randoms, (delayMs, random) => {
      const varied = jitter(delayMs, random);
      assert.ok(varied >= Math.floor(delayMs * 0.9) && varied <= Math.ceil(delayMs * 1.1));
    }),
  );
});
