import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rememberingCounts } from './remembered-counts.ts';

test('few are counted each time, many once in a while, and those who ask at the same time are told the same', async () => {
  let reads = 0;
  let delivered = 5;
  const counts = rememberingCounts(async () => {
    reads++;
    if (delivered < 0) throw new Error('away');
    return { delivered };
  });
  const both = await Promise.all([counts(), counts()]);
  assert.deepEqual(both, [{ delivered: 5 }, { delivered: 5 }]);
  assert.equal(reads, 1);
  delivered = -1;
  await assert.rejects(counts(), /away/);
  delivered = 200_000;
  assert.deepEqual(await counts(), { delivered });
  assert.equal(reads, 3);
  delivered = 200_001;
  assert.deepEqual(await counts(), { delivered: 200_000 });
  assert.equal(reads, 3);
});
