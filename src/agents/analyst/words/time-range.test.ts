import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { add, dayOf, formatDay, parseDay, startOf } from './calendar.ts';
import { isoOf, type Lean, previousOf } from './period.ts';
import { findPeriods } from './time-range.ts';
import { tokenize } from './tokens.ts';

const today = parseDay('2026-11-20') as number;
const read = (text: string, lean: Lean = 'past', on = today) =>
  findPeriods(
    tokenize(text).map(({ stem }) => stem),
    on,
    lean,
  ).map(({ period }) => isoOf(period));

describe('time ranges in words', () => {
  const cases: Readonly<Record<string, string>> = {
    today: '2026-11-20/2026-11-20',
    yesterday: '2026-11-19/2026-11-19',
    'this week': '2026-11-16/2026-11-22',
    'last week': '2026-11-09/2026-11-15',
    'next month': '2026-12-01/2026-12-31',
    'this quarter': '2026-10-01/2026-12-31',
    'last quarter': '2026-07-01/2026-09-30',
    'next quarter': '2027-01-01/2027-03-31',
    'last year': '2025-01-01/2025-12-31',
    Q4: '2026-10-01/2026-12-31',
    'Q1 2026': '2026-01-01/2026-03-31',
    '2025 Q2': '2025-04-01/2025-06-30',
    'Q4 last year': '2025-10-01/2025-12-31',
    'the fourth quarter of 2025': '2025-10-01/2025-12-31',
    H1: '2026-01-01/2026-06-30',
    'second half of 2025': '2025-07-01/2025-12-31',
    'last 30 days': '2026-10-22/2026-11-20',
    'past 6 months': '2026-05-21/2026-11-20',
    'past six months': '2026-05-21/2026-11-20',
    'next 90 days': '2026-11-20/2027-02-17',
    'since March': '2026-03-01/2026-11-20',
    'in October': '2026-10-01/2026-10-31',
    'in February 30': '2026-02-01/2026-02-28',
    'in February 29 2024': '2024-02-29/2024-02-29',
    '29 February 2025': '2025-02-28/2025-02-28',
    'nxt quarter': '2027-01-01/2027-03-31',
    'in December': '2025-12-01/2025-12-31',
    'October 2025': '2025-10-01/2025-10-31',
    '31 October 2025': '2025-10-31/2025-10-31',
    'Oct 3rd, 2025': '2025-10-03/2025-10-03',
    '2025': '2025-01-01/2025-12-31',
    'year to date': '2026-01-01/2026-11-20',
    ytd: '2026-01-01/2026-11-20',
    'so far this quarter': '2026-10-01/2026-11-20',
    '2026-02-03': '2026-02-03/2026-02-03',
    'between 2026-01-05 and 2026-02-01': '2026-01-05/2026-02-01',
    'from Q1 to Q3 2025': '2025-01-01/2025-09-30',
    'between January and March': '2026-01-01/2026-03-31',
    'before June': '../2026-05-31',
    'after 1 March 2026': '2026-03-02/..',
    'by the end of the quarter': '2026-11-20/2026-12-31',
  };
  for (const [words, expected] of Object.entries(cases)) {
    it(`reads "${words}"`, () => assert.deepEqual(read(words), [expected]));
  }

  it('takes a month without a year as the next one of what lies ahead', () => {
    assert.deepEqual(read('closing in December', 'future'), ['2026-12-01/2026-12-31']);
    assert.deepEqual(read('closing in February', 'future'), ['2027-02-01/2027-02-28']);
  });

  it('lends the year of the second to the first', () => {
    assert.deepEqual(read('Q3 and Q4 2025'), ['2025-07-01/2025-09-30', '2025-10-01/2025-12-31']);
  });

  it('does not take "may" for a month when it is a verb, nor 2026-02-30 for a day', () => {
    assert.deepEqual(read('may we see it'), []);
    assert.deepEqual(read('2026-02-30'), []);
  });

  const days = fc.integer({ min: dayOf(1990, 0, 1), max: dayOf(2090, 0, 1) });
  const unit = fc.constantFrom('week', 'month', 'quarter', 'year');

  it('covers today with "this …", and touches it with "last …" and "next …"', () => {
    fc.assert(
      fc.property(days, unit, (on, name) => {
        const [last, current, next] = ['last', 'this', 'next'].map((word) =>
          read(`${word} ${name}`, 'past', on)[0]?.split('/'),
        );
        const [today_] = [formatDay(on)];
        assert.ok((current?.[0] ?? '') <= today_ && today_ <= (current?.[1] ?? ''));
        assert.equal(parseDay(last?.[1] ?? ''), (parseDay(current?.[0] ?? '') ?? 0) - 1);
        assert.equal(parseDay(next?.[0] ?? ''), (parseDay(current?.[1] ?? '') ?? 0) + 1);
      }),
    );
  });

  it('has N days in the last and the next N days', () => {
    fc.assert(
      fc.property(days, fc.integer({ min: 1, max: 999 }), (on, count) => {
        for (const word of ['last', 'next']) {
          const [from, to] = (read(`${word} ${count} days`, 'past', on)[0] ?? '')
            .split('/')
            .map((day) => parseDay(day) ?? 0);
          assert.equal((to ?? 0) - (from ?? 0) + 1, count);
        }
      }),
    );
  });

  it('finds as many periods in any order of other words, and never fails', () => {
    const word = fc.constantFrom(
      'last',
      'next',
      'this',
      'q4',
      'week',
      'since',
      'march',
      '2025',
      'between',
      'and',
      '30',
      'day',
      'end',
      'of',
      'the',
      'x',
      'before',
      '1st',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), days, (words, on) => {
        for (const { period, at, end } of findPeriods(words, on, 'future')) {
          assert.ok(at < end && end <= words.length);
          assert.ok(
            period.from === undefined || period.to === undefined || period.from <= period.to,
            words.join(' '),
          );
        }
      }),
    );
  });

  it('knows the period before', () => {
    const before = (from: string, to: string) =>
      isoOf(
        previousOf({ from: parseDay(from) as number, to: parseDay(to) as number, label: '' }) ?? {
          label: '',
        },
      );
    assert.equal(before('2026-10-01', '2026-12-31'), '2026-07-01/2026-09-30');
    assert.equal(before('2026-03-01', '2026-03-31'), '2026-02-01/2026-02-28');
    assert.equal(before('2026-03-10', '2026-03-19'), '2026-02-28/2026-03-09');
  });
});

describe('the calendar', () => {
  it('gives the same day back', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), (day) => parseDay(formatDay(day)) === day),
    );
  });
  it('keeps the end of a month at the end', () => {
    assert.equal(formatDay(add('month', parseDay('2026-01-31') as number, 1)), '2026-02-28');
    assert.equal(formatDay(startOf('week', parseDay('2026-11-22') as number)), '2026-11-16');
  });
});
