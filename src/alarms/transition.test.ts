import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AlarmRule, parseAlarmRules } from './rule.ts';
import { type AlarmState, nextState } from './transition.ts';

const rule: AlarmRule = parseAlarmRules('dead_letters>0')[0]!;
const minute = 60_000;
const timing = { reminderMs: 60 * minute };

/** Measures once a minute; gives what was told, with the minute. */
function tellings(values: readonly number[], of = timing): string[] {
  let state: AlarmState | undefined;
  return values.flatMap((value, at) => {
    state = nextState(rule, state && { ...state, pending: null }, { value, detail: '' }, at * minute, of);
    return state.pending === null ? [] : [`${at} ${state.pending.kind}`];
  });
}

const times = (count: number, value: number): number[] => Array.from({ length: count }, () => value);

test('it fires at once, reminds each hour, and is over after five minutes of quiet', () => {
  assert.deepEqual(tellings([0, 0, ...times(130, 1), ...times(10, 0)]), [
    '2 firing',
    '62 reminder',
    '122 reminder',
    '137 resolved',
  ]);
  const silent = tellings([...times(130, 1), ...times(10, 0)], { reminderMs: null as unknown as number });
  assert.deepEqual(silent, ['0 firing', '135 resolved']);
});

test('it is not over while it comes back, and who comes back again and again must be quiet for longer', () => {
  const wavering = Array.from({ length: 50 }, (_, at) => (at % 4 === 0 ? 1 : 0));
  assert.deepEqual(tellings([...wavering, ...times(10, 0)]), ['0 firing', '54 resolved']);
  const wave = [1, ...times(19, 0)];
  const flapping = tellings(Array.from({ length: 12 }, () => wave).flat());
  assert.deepEqual(flapping.slice(0, 5), ['0 firing', '6 resolved', '20 firing', '31 resolved', '40 firing']);
  assert.equal(flapping.length, 12, 'half of what there would be');
});

test('whatever is measured, firing and over take turns, each is told once and has an id of its own', () => {
  const measured = fc.array(
    fc.record({ value: fc.integer({ min: 0, max: 2 }), afterMs: fc.integer({ min: 0, max: 90 * minute }) }),
    {
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(measured, (steps) => {
      let state: AlarmState | undefined;
      let now = 1_786_699_000_000;
      const told: { id: string; kind: string }[] = [];
      for (const { value, afterMs } of steps) {
        now += afterMs;
        const before: AlarmState | undefined = state && { ...state, pending: null };
        state = nextState(rule, before, { value, detail: '' }, now, timing);
        assert.deepEqual(nextState(rule, before, { value, detail: '' }, now, timing), state);
        if (state.pending) told.push(state.pending);
        if (value > 0) assert.equal(state.status, 'firing');
      }
      assert.equal(new Set(told.map(({ id }) => id)).size, told.length);
      const ends = told.map(({ kind }) => kind).filter((kind) => kind !== 'reminder');
      assert.deepEqual(
        ends,
        ends.map((_, at) => (at % 2 === 0 ? 'firing' : 'resolved')),
      );
    }),
  );
});
