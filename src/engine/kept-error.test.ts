import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepError } from './kept-error.ts';

test('whatever is thrown is kept, also what cannot be looked at', () => {
  const shy = {
    get retryable(): boolean {
      throw new Error('do not look');
    },
  };
  for (const thrown of [
    Object.create(null),
    shy,
    undefined,
    null,
    1n,
    Symbol('s'),
    'text',
    new TypeError('no'),
  ]) {
    const kept = keepError(thrown, 'step_failed');
    assert.equal(kept.code, 'step_failed');
    assert.equal(kept.retryable, true);
    assert.ok(kept.message.length > 0);
  }
});
