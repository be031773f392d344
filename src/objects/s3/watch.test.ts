import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { watchBucket } from './watch.ts';

test('a bucket is asked now and then, and nobody waits for it', async () => {
  let now = 0;
  let asked = 0;
  let answer = Promise.withResolvers<void>();
  const check = () => {
    asked += 1;
    return answer.promise;
  };
  const problem = watchBucket('s3://bucket', check, { everyMs: 100, withinMs: 30, clock: () => now });
  assert.equal(problem(), undefined);
  now = 29;
  assert.equal(problem(), undefined);
  now = 30;
  assert.match(problem()!.message, /s3:\/\/bucket has not answered within 0.03 s/);
  answer.reject(new Error('gone'));
  await turn();
  assert.equal(problem()!.message, 'gone');
  assert.equal(asked, 1);
  answer = Promise.withResolvers();
  now = 100;
  assert.equal(problem()!.message, 'gone', 'until it is known otherwise');
  // By this clock: since it was asked first, 100 ms ago.
  assert.ok(Math.abs(Date.now() - 100 - problem()!.since) < 50);
  answer.resolve();
  await turn();
  assert.equal(problem(), undefined);
  assert.equal(asked, 2);
});
