import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkApprovals, type Seen } from './approvals.ts';

const seen: Seen = {
  decisions: [
    { id: 'a', approved: true },
    { id: 'b', approved: false },
  ],
  counted: ['a'],
  outcome: 'a',
  effects: ['run/2', 'run/2'],
};

const check = (changed: Partial<Seen>) => () => checkApprovals(new Map([['run', { ...seen, ...changed }]]));

test('what went wrong with an approval is noticed', () => {
  check({})();
  check({ counted: [] })();
  check({ outcome: 'b', counted: ['b'], effects: [] })();
  assert.throws(check({ effects: ['run/2', 'run/3'] }), /under the keys run\/2,run\/3/);
  assert.throws(check({ effects: [] }), /was executed under the keys/);
  assert.throws(check({ outcome: 'b', counted: ['b'] }), /was executed under the keys/);
  assert.throws(check({ outcome: 'b', effects: [] }), /went by the decision that counts/);
  assert.throws(check({ counted: ['a', 'b'] }), /2 decisions were told/);
  assert.throws(check({ outcome: 'c' }), /went by a decision that was made/);
});
