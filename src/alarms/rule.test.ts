import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alarmNames, describeValue, formatRule, parseAlarmRules } from './rule.ts';

test('rules are read, and written as they were', () => {
  const text =
    'error_rate>5%/5m,processing_time>10m,dead_letters>0,queue_age>90s,delivery_age>15m,objects_away>1h,verification_failures>0/1h,missed_schedules>2';
  const rules = parseAlarmRules(text);
  assert.deepEqual(rules.map(({ name }) => name).sort(), [...alarmNames].sort());
  assert.deepEqual(rules[0], { name: 'error_rate', threshold: 0.05, windowMs: 300_000 });
  assert.deepEqual(rules[3], { name: 'queue_age', threshold: 90_000, windowMs: 0 });
  assert.equal(rules.map(formatRule).join(','), text);
  assert.deepEqual(parseAlarmRules(rules.map(formatRule).join(' , ')), rules);
});

test('default stands for the default rules, a later rule of a name replaces an earlier one, off is none', () => {
  const names = (text: string) => parseAlarmRules(text).map(formatRule);
  assert.deepEqual(names('default'), [
    'error_rate>5%/5m',
    'processing_time>10m',
    'delivery_age>10m',
    'objects_away>10m',
    'dead_letters>0',
  ]);
  assert.deepEqual(names('default, error_rate > 2.5% / 1h'), [
    'error_rate>2.5%/1h',
    'processing_time>10m',
    'delivery_age>10m',
    'objects_away>10m',
    'dead_letters>0',
  ]);
  assert.deepEqual(names('off'), []);
});

test('what is no rule is refused with what is expected', () => {
  const refused: readonly [string, RegExp][] = [
    ['eror_rate>5%/5m', /Did you mean error_rate\?/],
    ['load>5', /there are error_rate, processing_time/],
    ['error_rate>5%', /Expected one such as error_rate>5%\/5m; the time after \/ is from 1m to 1d/],
    ['error_rate>5/5m', /Expected one such as error_rate>5%\/5m/],
    ['error_rate>100%/5m', /can't be read/],
    ['error_rate>5%/10s', /can't be read/],
    ['error_rate>5%/2d', /can't be read/],
    ['processing_time>10', /Expected one such as processing_time>10m$/],
    ['processing_time>10m/5m', /can't be read/],
    ['dead_letters>-1', /can't be read/],
    ['dead_letters>100', /Expected one such as dead_letters>0; more than 100 are not counted/],
    ['dead_letters>1.5', /can't be read/],
    ['constructor>1', /no rule of an alarm/],
    ['default,off', /no rule of an alarm/],
  ];
  for (const [text, message] of refused) assert.throws(() => parseAlarmRules(text), message, text);
});

test('values are told in their units', () => {
  assert.equal(describeValue('error_rate', 0.0833), '8.3 %');
  assert.equal(describeValue('queue_age', 185_000), '3 min 5 s');
  assert.equal(describeValue('dead_letters', 3), '3');
});
