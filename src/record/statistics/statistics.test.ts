import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { add, addWritten, durationOf, type Histogram, HistogramSum, slotOf, write } from './histogram.ts';

test('a slot is within 0.8 % of every duration in it, and slots are in the order of durations', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 11 }), fc.integer({ min: 0, max: 10 ** 6 }), (one, more) => {
      assert.ok(Math.abs(durationOf(slotOf(one)) - one) <= one * 0.008);
      assert.ok(slotOf(one) <= slotOf(one + more));
      assert.equal(slotOf(durationOf(slotOf(one))), slotOf(one));
    }),
    {
      numRuns: 2_000,
      examples: [
        [127, 1],
        [128, 1],
        [255, 1],
        [256, 1],
        [2 ** 31, 1],
        [2 ** 36 - 1, 1],
      ],
    },
  );
});

test('percentiles are within 0.8 % of the exact ones, also of parts that were written and added', () => {
  const durations = fc.array(fc.integer({ min: 0, max: 900_000 }), { minLength: 1, maxLength: 300 });
  const sum = new HistogramSum();
  fc.assert(
    fc.property(durations, (values) => {
      const parts: Histogram[] = [[], [], []];
      for (const [at, value] of values.entries()) add(parts[at % 3]!, slotOf(value));
      const some: Histogram = [];
      for (const part of parts.slice(0, 2)) addWritten(some, write(part));
      sum.clear();
      for (const part of [some, parts[2]!]) sum.add(write(part));
      const sorted = values.toSorted((a, b) => a - b);
      const bounds = { least: sorted[0]!, most: sorted.at(-1)! };
      const found = sum.percentiles([0.5, 0.95, 0.99, 1], bounds);
      for (const [at, fraction] of [0.5, 0.95, 0.99, 1].entries()) {
        const exact = sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)]!;
        assert.ok(Math.abs(found[at]! - exact) <= exact * 0.008 + 1e-9, `${found[at]} is not ${exact}`);
      }
    }),
  );
});
