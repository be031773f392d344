import assert from 'node:assert/strict';
import { test } from 'node:test';
import { steadyClock } from './steady-clock.ts';

const hourMs = 3_600_000;

function clocks() {
  const at = { wall: 1_700_000_000_000, monotonic: 5 };
  const told: number[] = [];
  const clock = steadyClock({
    wall: () => at.wall,
    monotonic: () => at.monotonic,
    onSetBack: (behindMs) => told.push(behindMs),
  });
  const pass = (ms: number) => {
    at.wall += ms;
    at.monotonic += ms;
  };
  return { at, told, clock, pass };
}

test('a clock that is set back goes on from where it was, and it is told once', () => {
  const { at, told, clock, pass } = clocks();
  const begun = clock();
  pass(100);
  at.wall -= hourMs;
  assert.equal(clock(), begun + 100);
  pass(2 * hourMs);
  assert.equal(clock(), begun + 100 + 2 * hourMs);
  assert.deepEqual(told, [hourMs]);
  at.wall -= hourMs;
  assert.equal(clock(), begun + 100 + 2 * hourMs);
  assert.deepEqual(told, [hourMs, 2 * hourMs]);
});

test('it is the wall clock again when that is right again; a second set back is told again', () => {
  const { at, told, clock, pass } = clocks();
  at.wall -= hourMs;
  clock();
  at.wall += hourMs;
  pass(10);
  assert.equal(clock(), at.wall);
  at.wall -= hourMs;
  clock();
  assert.deepEqual(told, [hourMs, hourMs]);
});

test('a clock that is set forward, or that a machine slept through, is followed; so are small corrections', () => {
  const { at, told, clock } = clocks();
  at.wall += hourMs;
  assert.equal(clock(), at.wall);
  at.wall -= 900;
  assert.equal(clock(), at.wall);
  assert.deepEqual(told, []);
});
