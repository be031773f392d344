import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { conversationId } from './conversation-id.ts';
import { nextSuffix } from './ids.ts';

test('the example of the contract', () => {
  const id = conversationId({
    nowMs: Date.parse('2026-08-14T09:18:33.360Z'),
    sourceSystem: 'testing_system',
    sourceProcess: 'phase3_validation',
    suffix: 'abc123',
  });
  assert.equal(id, 'webhook_20260814_091833_testing_phase3valid_abc123');
});

test('any names give an id that is safe in a path, a URL and a header', () => {
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 128 });
  fc.assert(
    fc.property(name, name, fc.integer({ min: 0, max: 4e12 }), (sourceSystem, sourceProcess, nowMs) => {
      const id = conversationId({ nowMs, sourceSystem, sourceProcess, suffix: '0a1b2c' });
      assert.match(id, /^webhook_\d{8}_\d{6}_[a-z0-9]{0,8}_[a-z0-9]{0,12}_0a1b2c$/);
    }),
  );
});

test('ids of one second are distinct, however many there are', () => {
  const suffixes = Array.from({ length: 200_000 }, nextSuffix);
  assert.equal(new Set(suffixes).size, suffixes.length);
  for (const suffix of suffixes.slice(0, 100)) assert.match(suffix, /^[0-9a-f]{6}$/);
});
