import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { Secret } from './secret.ts';

test('a secret never shows itself unless it is asked to', () => {
  const secret = new Secret('hunter2-hunter2');
  const shown = [
    `${secret}`,
    inspect({ secret }),
    format('%o %s', secret, secret),
    JSON.stringify({ secret }),
  ];
  for (const text of shown) assert.doesNotMatch(text, /hunter2/);
  assert.equal(secret.reveal(), 'hunter2-hunter2');
});
