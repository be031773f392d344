import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SlowStep, StepTimes } from './step-times.ts';

test('p99 is within 10 % of the true one, and is silent while there is little to go by', () => {
  const times = new StepTimes();
  for (let n = 1; n < 100; n++) times.note('query', 'agent', n);
  assert.equal(times.p99Ms('query', 'agent'), undefined);
  for (let n = 1; n <= 9_000; n++) times.note('query', 'agent', (n % 1_000) + 1);
  const p99 = times.p99Ms('query', 'agent')!;
  assert.ok(p99 >= 985 && p99 <= 1_100, String(p99));
  assert.equal(times.p99Ms('query', 'other'), undefined);
});

test('what was long ago is forgotten, and numbers in names do not count', () => {
  const times = new StepTimes();
  for (let n = 0; n < 9_000; n++) times.note('delivery', `attempt ${n}`, 60_000);
  assert.ok(times.p99Ms('delivery', 'attempt 7')! >= 60_000);
  for (let n = 0; n < 100_000; n++) times.note('delivery', 'attempt 1', 10);
  assert.ok(times.p99Ms('delivery', 'attempt 1')! <= 11);
});

test('names without end take no room without end', () => {
  const times = new StepTimes();
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < 100_000; n++)
    times.note('f', `step ${String.fromCodePoint(97 + (n % 26))}${'x'.repeat(n % 5_000)}`, 1);
  assert.ok(process.memoryUsage().arrayBuffers - before < 2e6);
});

test('a slow step is told, one of a kind at a time, and one that is quick enough is not', () => {
  const told: SlowStep[] = [];
  const times = new StepTimes((slow) => told.push(slow));
  const about = { flow: 'query', runId: 'r', input: null, key: 'r/1', attempt: 1, facts: [] };
  const attempt = (step: string, durationMs: number, error?: Error) =>
    times.attempted({ ...about, step, startedAt: 0, endedAt: durationMs, ...(error && { error }) });
  for (let n = 0; n < 200; n++)
    for (const step of ['agent', 'prepare', 'slow']) attempt(step, step === 'slow' ? 900 : 5);
  attempt('agent', 99);
  attempt('agent', 900, new Error('it failed'));
  attempt('slow', 900);
  assert.deepEqual(told, []);
  for (const durationMs of [500, 600, 700]) attempt('agent', durationMs);
  attempt('prepare', 100);
  assert.deepEqual(
    told.map(({ step, durationMs, p99Ms, untold }) => [step, durationMs, p99Ms <= 100, untold]),
    [
      ['agent', 500, true, 0],
      ['prepare', 100, true, 0],
    ],
  );
});
