import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnBudget } from './turn-budget.ts';

/** Uses all that one turn has, computes for `busyMs`, and tells how many places there were. */
async function useTurn(budget: TurnBudget, busyMs: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let places = 0;
  while (budget.hasRoom) {
    budget.use(resolve);
    places += 1;
  }
  const until = performance.now() + busyMs;
  while (performance.now() < until);
  await promise;
  return places;
}

test('the budget grows over short turns and shrinks after long ones, within its bounds', async () => {
  const budget = new TurnBudget();
  const first = await useTurn(budget, 0);
  assert.ok(first > 1);
  for (let turn = 0; turn < 40; turn++) await useTurn(budget, 0);
  const grown = await useTurn(budget, 20);
  assert.ok(grown > first && grown <= 1_024, `${grown} places after short turns`);
  const shrunk = await useTurn(budget, 20);
  assert.ok(shrunk <= Math.ceil(grown / 2), `${shrunk} places after a long turn`);
  for (let turn = 0; turn < 12; turn++) await useTurn(budget, 10);
  assert.equal(await useTurn(budget, 0), 2);
});
