import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { operationLimit } from '../../engine/engine.ts';
import { holdDelayMs, holdLimit } from './attempt.ts';

test('waiting for an open circuit lasts about a day, and stays far from the limit of the journal', () => {
  let allMs = 0;
  for (let holds = 0; holds < holdLimit; holds++) allMs += holdDelayMs(60_000, holds, 0.5);
  const hours = allMs / 3_600_000;
  assert.ok(hours > 20 && hours < 30, `${hours} h`);
  assert.ok(holdLimit * 2 < operationLimit / 10);
});

test('the first wait for an open circuit is a few seconds, unless it may close before', () => {
  assert.equal(holdDelayMs(1_000, 0, 0.5), 1_000);
  for (const random of [0, 0.5, 1]) {
    const delayMs = holdDelayMs(60_000, 0, random);
    assert.ok(delayMs >= 4_000 && delayMs <= 6_000, `${delayMs} ms`);
  }
});

test('another wait for an open circuit is never shorter than the circuit needs, nor longer than 20 minutes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60_000 }),
      fc.integer({ min: 1, max: holdLimit }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (retryInMs, holds, random) => {
        const delayMs = holdDelayMs(retryInMs, holds, random);
        assert.ok(delayMs >= retryInMs && delayMs <= 20 * 60_000);
      },
    ),
  );
});
