import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Follower } from './follower.ts';

test('a follower works when there is news, tells a failure once, and goes on', async (context) => {
  const errors: unknown[] = [];
  const limits: number[] = [];
  let fails = 3;
  const done = Promise.withResolvers<void>();
  const follower = new Follower({
    delayMs: 1,
    everyMs: 2,
    onError: (error) => errors.push(error),
    async piece(limit) {
      if (fails-- > 0) throw new Error('not now');
      limits.push(limit);
      if (limits.length === 4) done.resolve();
      return { isThrough: limits.length % 2 === 0, tookMs: limits.length === 1 ? 100 : 0 };
    },
  });
  context.after(() => follower.stop());
  follower.begin();
  await done.promise;
  assert.equal(errors.length, 1);
  // A piece that took long is followed by a smaller one.
  assert.ok(limits[1]! < limits[0]!);
});

test('one that is stopped does nothing more', async () => {
  let pieces = 0;
  const first = Promise.withResolvers<void>();
  const follower = new Follower({
    delayMs: 1,
    everyMs: 1,
    async piece() {
      pieces++;
      first.resolve();
      return { isThrough: true, tookMs: 0 };
    },
  });
  follower.begin();
  await first.promise;
  follower.stop();
  const before = pieces;
  follower.wake();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(pieces, before);
});
