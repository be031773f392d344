import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AlarmRule, parseAlarmRules } from './rule.ts';
import { type AlarmState, alarmOfNotice, isOutdated, nextState, silenced } from './transition.ts';

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
      const ends = told.map(({ kind }) => kind).filter((kind) => kind === 'firing' || kind === 'resolved');
      assert.deepEqual(
        ends,
        ends.map((_, at) => (at % 2 === 0 ? 'firing' : 'resolved')),
      );
    }),
  );
});

test('a count that has doubled is told before its reminder, not more often than every ten minutes, and ages are not', () => {
  const growing = [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...times(9, 20), 40, ...times(20, 41)];
  assert.deepEqual(tellings(growing), ['0 firing', '10 worse', '20 worse']);
  const age = parseAlarmRules('queue_age>0s')[0]!;
  let state: AlarmState | undefined;
  for (let at = 0; at < 50; at++) {
    const measured = { value: (at + 1) * minute, detail: '' };
    state = nextState(age, state && { ...state, pending: null }, measured, at * minute, timing);
    assert.equal(state.pending === null, at > 0);
  }
});

test('a clock that was ahead silences no reminder and holds up no end', () => {
  const measured = (value: number) => ({ value, detail: '' });
  const ahead = nextState(rule, undefined, measured(1), 1_000 * minute, timing);
  let state: AlarmState = { ...ahead, pending: null };
  const told = times(70, 1).flatMap((value, at) => {
    state = { ...nextState(rule, { ...state, pending: null }, measured(value), at * minute, timing) };
    return state.pending === null ? [] : [`${at} ${state.pending.kind}`];
  });
  assert.deepEqual(told, ['60 reminder']);
  const clearing = nextState(
    rule,
    { ...state, clearSince: 5_000 * minute },
    measured(0),
    70 * minute,
    timing,
  );
  assert.equal(nextState(rule, clearing, measured(0), 75 * minute, timing).status, 'ok');
});

test('a notice is outdated once its alarm has another', () => {
  const first = nextState(rule, undefined, { value: 1, detail: '' }, minute, timing);
  const { id } = first.pending!;
  assert.equal(alarmOfNotice(id), 'dead_letters');
  assert.equal(alarmOfNotice('test/1'), undefined);
  const told = { ...first, pending: null };
  const still = nextState(rule, told, { value: 1, detail: '' }, 2 * minute, timing);
  const reminded = nextState(rule, told, { value: 1, detail: '' }, 61 * minute, timing);
  const { notifiedId: _, ...ofEarlierVersion } = reminded;
  assert.deepEqual(
    [undefined, first, told, still, reminded, ofEarlierVersion].map((state) => isOutdated(id, state)),
    [false, false, false, false, true, false],
  );
});

test('what is silenced tells neither beginning nor reminders, but that it is worse; what fires afterwards is told then', () => {
  const run = (values: readonly number[], silences: Readonly<Record<number, number>>) => {
    let state: AlarmState | undefined;
    return values.flatMap((value, at) => {
      const now = at * minute;
      const until = silences[at];
      if (until !== undefined) state = silenced(state, until * minute, now);
      state = nextState(rule, state && { ...state, pending: null }, { value, detail: '' }, now, timing);
      return state.pending === null ? [] : [`${at} ${state.pending.kind}`];
    });
  };
  const reminded = run(times(200, 3), { 30: 150 });
  assert.deepEqual(reminded, ['0 firing', '150 reminder']);
  assert.deepEqual(run([...times(60, 3), ...times(60, 6)], { 5: 500 }), ['0 firing', '60 worse']);
  const begunInSilence = run([0, ...times(40, 1)], { 0: 20 });
  assert.deepEqual(begunInSilence, ['20 firing']);
  assert.deepEqual(run([0, ...times(5, 1), ...times(20, 0)], { 0: 60 }), []);
  const over = run([...times(10, 1), ...times(20, 0)], { 2: 60 });
  assert.deepEqual(over, ['0 firing', '15 resolved']);
  const lifted = run(times(90, 1), { 0: 80, 10: 0 });
  assert.deepEqual(lifted, ['10 firing', '70 reminder']);
});
