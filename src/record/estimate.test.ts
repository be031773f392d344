import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateText, ProcessingTimeEstimator } from './estimate.ts';

test('an estimate is p50 to p95 in words', () => {
  const cases: [number[], string][] = [
    [[], '30-60 seconds'],
    [[4, 8, 12], 'under 1 second'],
    [[900, 1_000, 1_500], '1-2 seconds'],
    [[2_000], '2 seconds'],
    [[30_000, 31_000, 59_100], '31-60 seconds'],
    [[60_000, 125_000, 300_000, 600_000], '2-10 minutes'],
    [Array.from({ length: 100 }, (_, n) => (n < 95 ? 2_500 : 900_000)), '2-3 seconds'],
  ];
  for (const [durations, expected] of cases) assert.equal(estimateText(durations), expected);
});

test('the store is asked at most every 5 s for a type, and its failure changes nothing', async () => {
  let now = 0;
  let asked = 0;
  let answer: () => Promise<number[]> = async () => [2_000];
  const store = {
    recentAnswerTimesMs: () => {
      asked++;
      return answer();
    },
  };
  const estimator = new ProcessingTimeEstimator(store, () => now);
  await estimator.refresh('general');
  for (let call = 0; call < 100; call++) assert.equal(estimator.estimate('general'), '2 seconds');
  assert.equal(asked, 1);
  now = 5_000;
  answer = () => Promise.reject(new Error('away'));
  assert.equal(estimator.estimate('general'), '2 seconds');
  assert.equal(estimator.estimate('general'), '2 seconds');
  assert.equal(asked, 2);
  assert.equal(estimator.estimate('lead_analysis'), '30-60 seconds');
});
