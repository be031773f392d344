import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RateLimiter } from './rate-limiter.ts';

test('in each window exactly `count` requests pass, whatever the order of names', () => {
  const requests = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(400)), { maxLength: 200 });
  fc.assert(
    fc.property(requests, fc.integer({ min: 1, max: 5 }), (steps, count) => {
      const limiter = new RateLimiter({ count, windowMs: 1_000 });
      const model = new Map<string, { start: number; used: number }>();
      let now = 0;
      for (const [name, waitMs] of steps) {
        now += waitMs;
        let own = model.get(name);
        if (own === undefined || now >= own.start + 1_000) {
          own = { start: now, used: 0 };
          model.set(name, own);
        }
        const allowed = own.used < count;
        if (allowed) own.used++;
        const quota = limiter.take(name, now);
        assert.deepEqual(quota, { allowed, remaining: count - own.used, resetMs: own.start + 1_000 - now });
      }
    }),
  );
});

test('a million invented names take bounded memory and reset nobody', () => {
  const limiter = new RateLimiter({ count: 1, windowMs: 60_000 }, 1_000);
  assert.equal(limiter.take('honest', 0).allowed, true);
  let allowed = 0;
  for (let n = 0; n < 1_000_000; n++) if (limiter.take(`invented ${n}`, 1).allowed) allowed++;
  assert.equal(limiter.size, 1_000);
  assert.equal(allowed, 1_000, '999 windows of their own and one that all others share');
  assert.equal(limiter.take('honest', 2).allowed, false);
  assert.equal(limiter.take('later', 60_001).allowed, true);
  assert.equal(limiter.size, 1, 'windows that have ended are dropped');
});
