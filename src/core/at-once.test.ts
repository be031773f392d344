import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eachAtOnce } from './at-once.ts';

test('each is done once, no more at once than were said, with the results in order', async () => {
  let underWay = 0;
  let most = 0;
  const results = await eachAtOnce([5, 1, 4, 2, 3], 2, async (n) => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setTimeout(resolve, n));
    underWay -= 1;
    return n * 10;
  });
  assert.deepEqual(results, [50, 10, 40, 20, 30]);
  assert.equal(most, 2);
  assert.deepEqual(await eachAtOnce([], 2, async () => 1), []);
});

test('what one throws comes when nothing is under way, and nothing is begun after it', async () => {
  const done: number[] = [];
  const work = async (n: number) => {
    if (n === 1) throw new Error('one');
    await new Promise((resolve) => setTimeout(resolve, 5));
    done.push(n);
  };
  await assert.rejects(eachAtOnce([0, 1, 2, 3], 2, work), { message: 'one' });
  assert.deepEqual(done, [0]);
});
