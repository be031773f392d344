import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuidv7 } from '../../core/ids.ts';
import { createSampler } from './sampler.ts';

const ids = Array.from({ length: 4_000 }, () => uuidv7(Date.now()).replaceAll('-', ''));

test('a share of the traces of tracking ids is that share, and the same each time', () => {
  const sampler = createSampler('traceidratio', 0.25);
  const taken = ids.filter((id) => sampler(id, undefined));
  assert.ok(taken.length > 850 && taken.length < 1_150, String(taken.length));
  assert.deepEqual(
    ids.filter((id) => sampler(id, undefined)),
    taken,
  );
  assert.equal(ids.filter((id) => createSampler('traceidratio', 0)(id, undefined)).length, 0);
  assert.equal(ids.filter((id) => createSampler('traceidratio', 1)(id, undefined)).length, ids.length);
});

test('the sender decides where that is asked for', () => {
  const parent = (sampled: boolean) => ({ traceId: ids[0]!, spanId: 'b7ad6b7169203331', sampled });
  assert.equal(createSampler('parentbased_always_on')(ids[0]!, parent(false)), false);
  assert.equal(createSampler('parentbased_always_off')(ids[0]!, parent(true)), true);
  assert.equal(createSampler('parentbased_always_off')(ids[0]!, undefined), false);
  assert.equal(createSampler('always_on')(ids[0]!, parent(false)), true);
});
