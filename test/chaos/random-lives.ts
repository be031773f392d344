import fc from 'fast-check';
import { aLife } from '../../src/store/contract/life.ts';

export const begin = 1_786_698_000_000;

/** So many lives of conversations within an hour, the same for a seed. */
export function randomLives(count: number, seed: number) {
  const lives = fc.record({
    at: fc.integer({ min: begin, max: begin + 3_600_000 }),
    query: fc.constantFrom('won it', 'lost it', 'café'),
    totalTimeMs: fc.integer({ min: 0, max: 5_000 }),
    deliveryStatus: fc.constantFrom('delivered' as const, 'failed' as const),
  });
  return fc.sample(lives, { numRuns: count, seed }).map((each) => aLife(each));
}
