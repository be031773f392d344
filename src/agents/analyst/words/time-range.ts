import { dayOf, endOf, parseDay, partsOf, readableDay, startOf, type Unit } from './calendar.ts';
import { type Lean, type Period, relativeUnit, rolling, wholeUnit } from './period.ts';
import * as words from './time-words.ts';

/**
 * Time ranges in words, as pure functions of today. What is ambiguous is decided once, here, and every answer states the dates:
 *
 * - "Q4" is the Q4 of the current year, whether it is past or not; "H1" likewise. Quarters are those of the calendar.
 * - "October" is the latest October that has begun; of what lies ahead (closing, forecast) it is the next that has not ended.
 * - "this quarter" is all of it, the days to come included; "last quarter" the whole one before.
 * - "last 30 days" are the 30 days that end today; "next 90 days" are the 90 days that begin today.
 * - "since X" goes from the first day of X to today; "after X" begins the day after X, "before X" ends the day before it.
 * - a number of four digits from 1990 to 2099 on its own is a year.
 */
export interface PeriodMatch {
  readonly period: Period;
  /** The first word of it, and the first word after it. */
  readonly at: number;
  readonly end: number;
}

interface Found {
  readonly period: Period;
  readonly length: number;
  /** Set when the year was not said: how to read it in another year. */
  readonly inYear?: (year: number) => Period;
}

interface Reading {
  readonly stems: readonly string[];
  readonly today: number;
  readonly lean: Lean;
}

/** All ranges in the words (stems), in their order. */
export function findPeriods(stems: readonly string[], today: number, lean: Lean): PeriodMatch[] {
  const reading = { stems, today, lean };
  const matches: (PeriodMatch & { readonly found: Found })[] = [];
  for (let at = 0; at < stems.length; ) {
    const found = range(reading, at) ?? simple(reading, at);
    if (found) matches.push({ period: found.period, at, end: at + found.length, found });
    at += found?.length ?? 1;
  }
  return matches.map((match, index) => ({ ...match, period: borrowYear(match, matches[index + 1]) }));
}

/** "Q3 and Q4 2025": both are of 2025. */
function borrowYear(match: { readonly found: Found }, next: { readonly found: Found } | undefined): Period {
  const { inYear, period } = match.found;
  if (!inYear || !next || next.found.inYear || next.found.period.from === undefined) return period;
  const { year } = partsOf(next.found.period.from);
  return /\d{4}/.test(next.found.period.label) ? inYear(year) : period;
}

/** One period without bound words. */
function simple(reading: Reading, at: number): Found | undefined {
  for (const rule of [
    isoDate,
    dayWord,
    toDate,
    rollingSpan,
    relative,
    yearFirst,
    quarter,
    month,
    dayMonth,
    year,
  ]) {
    const found = rule(reading, at);
    if (found) return found;
  }
  return undefined;
}

function isoDate({ stems }: Reading, at: number): Found | undefined {
  const word = stems[at] ?? '';
  const parts = /^(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?$/.exec(word);
  if (!parts) return undefined;
  const [, year = '', month = '', date] = parts;
  const day = parseDay(`${year}-${month.padStart(2, '0')}-${(date ?? '1').padStart(2, '0')}`);
  if (day === undefined) return undefined;
  return { period: wholeUnit(date ? 'day' : 'month', day), length: 1 };
}

function dayWord({ stems, today }: Reading, at: number): Found | undefined {
  const offset = words.dayWords[stems[at] ?? ''];
  if (offset === undefined) return undefined;
  const label = stems[at] ?? '';
  return { period: { from: today + offset, to: today + offset, label }, length: 1 };
}

/** "ytd", "year to date", "so far this year". */
function toDate({ stems, today }: Reading, at: number): Found | undefined {
  const short = words.toDateWords[stems[at] ?? ''];
  if (short) return { period: sinceStart(short, today), length: 1 };
  const unit = words.unitWords[stems[at] ?? ''];
  if (unit && stems[at + 1] === 'to' && stems[at + 2] === 'date') {
    return { period: sinceStart(unit, today), length: 3 };
  }
  const far = words.unitWords[stems[at + 3] ?? ''];
  if (stems[at] === 'so' && stems[at + 1] === 'far' && stems[at + 2] === 'this' && far) {
    return { period: sinceStart(far, today), length: 4 };
  }
  return undefined;
}

function sinceStart(unit: Unit, today: number): Period {
  return { from: startOf(unit, today), to: today, label: `the ${unit} to date` };
}

/** "last 30 days", "past six months", "next 2 quarters", "last 30d". */
function rollingSpan({ stems, today }: Reading, at: number): Found | undefined {
  const direction = words.rollingWords[stems[at] ?? ''];
  if (!direction) return undefined;
  const span = spanAt(stems, at + 1);
  if (!span) return undefined;
  return { period: rolling(span.unit, span.count, direction, today), length: 1 + span.length };
}

/** A length of time: "60 days", "90d", "six months", "a week". */
export function spanAt(
  stems: readonly string[],
  at: number,
): { readonly unit: Unit; readonly count: number; readonly length: number } | undefined {
  const word = stems[at] ?? '';
  const short = /^(\d{1,3})([dwmy])$/.exec(word);
  const units = { d: 'day', w: 'week', m: 'month', y: 'year' } as const;
  if (short) return { unit: units[short[2] as 'd'], count: Number(short[1]) || 1, length: 1 };
  const count = /^\d{1,4}$/.test(word) ? Number(word) : words.numberWords[word];
  const unit = words.unitWords[stems[at + 1] ?? ''];
  return unit && count ? { unit, count: Math.min(count, 3_000), length: 2 } : undefined;
}

function relative(reading: Reading, at: number): Found | undefined {
  const { stems, today } = reading;
  const offset = words.offsetWords[stems[at] ?? ''];
  if (offset === undefined) return undefined;
  const next = stems[at + 1] ?? '';
  const unit = words.unitWords[next];
  const quarterAt = /^q[1-4]$/.test(next) ? quarter(reading, at + 1) : undefined;
  if (quarterAt) return { ...quarterAt, length: quarterAt.length + 1 };
  const monthIndex = words.monthWords[next];
  if (monthIndex !== undefined) return { period: nearMonth(monthIndex, offset, today), length: 2 };
  return unit ? { period: relativeUnit(unit, offset, today), length: 2 } : undefined;
}

/** "last October" is the latest that has ended, "next March" the first that has not begun, "this May" that of this year. */
function nearMonth(index: number, offset: number, today: number): Period {
  const { year } = partsOf(today);
  let from = dayOf(year, index, 1);
  if (offset < 0 && endOf('month', from) >= today) from = dayOf(year - 1, index, 1);
  if (offset > 0 && from <= today) from = dayOf(year + 1, index, 1);
  return wholeUnit('month', from);
}

/** "q4", "q4 2025", "4th quarter of 2025", "second half", "h1", each also with "last year". */
function quarter(reading: Reading, at: number): Found | undefined {
  const { stems, today } = reading;
  const short = /^([qh])([1-4])$/.exec(stems[at] ?? '');
  const ordinal = words.ordinalWords[stems[at] ?? ''];
  const spelt = words.unitWords[stems[at + 1] ?? ''];
  const unit = short ? (short[1] === 'q' ? 'quarter' : 'half') : spelt;
  const number = short ? Number(short[2]) : ordinal;
  if (!number || (unit !== 'quarter' && unit !== 'half') || (unit === 'half' && number > 2)) return undefined;
  const length = short ? 1 : 2;
  const inYear = (year: number) =>
    wholeUnit(unit, dayOf(year, (number - 1) * (unit === 'quarter' ? 3 : 6), 1));
  const said = yearAfter(reading, at + length);
  if (said) return { period: inYear(said.year), length: length + said.length };
  return { period: inYear(partsOf(today).year), length, inYear };
}

/** "2025 q4". */
function yearFirst(reading: Reading, at: number): Found | undefined {
  const number = asYear(reading.stems[at] ?? '');
  const found = number ? quarter(reading, at + 1) : undefined;
  return found?.inYear && number ? { period: found.inYear(number), length: found.length + 1 } : undefined;
}

function yearAfter({ stems, today }: Reading, at: number) {
  const from = stems[at] === 'of' || stems[at] === 'in' ? at + 1 : at;
  const year = asYear(stems[from] ?? '');
  if (year) return { year, length: from - at + 1 };
  const offset = words.offsetWords[stems[from] ?? ''];
  if (offset === undefined || words.unitWords[stems[from + 1] ?? ''] !== 'year') return undefined;
  return { year: partsOf(today).year + offset, length: from - at + 2 };
}

function asYear(word: string): number | undefined {
  return /^(?:fy)?(?:199\d|20\d\d)$/.test(word) ? Number(word.slice(-4)) : undefined;
}

/** "October", "Oct 2025", "October 3rd, 2025". "May" and "mar" alone are months only after a word that leads to one. */
function month(reading: Reading, at: number): Found | undefined {
  const { stems, today, lean } = reading;
  const index = words.monthWords[stems[at] ?? ''];
  if (index === undefined) return undefined;
  const date = dateNumber(stems[at + 1] ?? '', index);
  const year = yearAfter(reading, at + (date ? 2 : 1));
  if (!year && !date && /^ma[ry]$/.test(stems[at] ?? '') && !leadsToMonth(stems[at - 1])) return undefined;
  const inYear = (in_: number) => wholeUnit(date ? 'day' : 'month', existingDay(in_, index, date ?? 1));
  const length = 1 + (date ? 1 : 0) + (year?.length ?? 0);
  if (year) return { period: inYear(year.year), length };
  return { period: leaning(inYear, today, lean), length, inYear };
}

const leadsToMonth = (word: string | undefined): boolean =>
  /^(?:in|since|from|of|for|during|until|till|by|before|after|between|and|to|v|vs|versus|through|at)$/.test(
    word ?? '',
  );

/** "3 October 2025", "31st of October". */
function dayMonth(reading: Reading, at: number): Found | undefined {
  const { stems, today, lean } = reading;
  const monthAt = stems[at + 1] === 'of' ? at + 2 : at + 1;
  const index = words.monthWords[stems[monthAt] ?? ''];
  const date = index === undefined ? undefined : dateNumber(stems[at] ?? '', index);
  if (!date || index === undefined) return undefined;
  const year = yearAfter(reading, monthAt + 1);
  const inYear = (in_: number) => wholeUnit('day', existingDay(in_, index, date));
  const length = monthAt - at + 1 + (year?.length ?? 0);
  return {
    period: year ? inYear(year.year) : leaning(inYear, today, lean),
    length,
    ...(!year && { inYear }),
  };
}

/** 29 February of a year that has none is the 28th; the answer names the day that it is about. */
function existingDay(year: number, month: number, date: number): number {
  return Math.min(dayOf(year, month, date), dayOf(year, month + 1, 0));
}

/** Only a day that the month has in some year: 30 February is not 2 March. */
function dateNumber(word: string, monthIndex: number): number | undefined {
  const match = /^(\d{1,2})(?:st|nd|rd|th)?$/.exec(word);
  const date = Number(match?.[1]);
  return date >= 1 && partsOf(dayOf(2_000, monthIndex, date)).month === monthIndex ? date : undefined;
}

function leaning(inYear: (year: number) => Period, today: number, lean: Lean): Period {
  const { year } = partsOf(today);
  const here = inYear(year);
  if (lean === 'past') return (here.from ?? 0) <= today ? here : inYear(year - 1);
  return (here.to ?? 0) >= today ? here : inYear(year + 1);
}

function year({ stems }: Reading, at: number): Found | undefined {
  const number = asYear(stems[at] ?? '');
  return number ? { period: wholeUnit('year', dayOf(number, 0, 1)), length: 1 } : undefined;
}

/** "since March", "from Q1 to Q3", "between … and …", "before June", "by the end of the quarter", "all time". */
function range(reading: Reading, at: number): Found | undefined {
  const { stems } = reading;
  const word = stems[at] ?? '';
  if (word === 'all' && stems[at + 1] === 'time') return { period: { label: 'all time' }, length: 2 };
  if (word === 'ever') return { period: { label: 'all time' }, length: 1 };
  const opens = words.boundWords.includes(word);
  const first = opens ? endPoint(reading, at + 1) : simple(reading, at);
  if (!first) return undefined;
  const after = at + (opens ? 1 : 0) + first.length;
  const joins = stems[after] === 'and' ? word === 'between' : words.joinWords.includes(stems[after] ?? '');
  const second = joins ? endPoint(reading, after + 1) : undefined;
  if (second && (word === 'from' || word === 'between' || word === 'since' || !opens)) {
    return { period: between(first, second), length: after + 1 + second.length - at };
  }
  return opens ? bounded(reading, word, first) : undefined;
}

/** "the end of the quarter", "the end of 2026", or any simple period. */
function endPoint(reading: Reading, at: number): Found | undefined {
  const { stems, today } = reading;
  const from = stems[at] === 'the' ? at + 1 : at;
  if (stems[from] !== 'end') {
    const found = simple(reading, from);
    return found && { ...found, length: found.length + from - at };
  }
  let next = from + 1;
  while (stems[next] === 'of' || stems[next] === 'the') next++;
  const unit = words.unitWords[stems[next] ?? ''];
  const found = unit ? { period: relativeUnit(unit, 0, today), length: 1 } : simple(reading, next);
  return found && { ...found, length: next + found.length - at };
}

function between(first: Found, second: Found): Period {
  const to = second.period.to;
  let start = first.period;
  if (first.inYear && to !== undefined) {
    start = first.inYear(partsOf(to).year);
    if ((start.from ?? 0) > to) start = first.inYear(partsOf(to).year - 1);
  }
  const [from, until] = [start.from ?? 0, to ?? 0];
  const label = `${start.label} to ${second.period.label}`;
  return from <= until ? { from, to: until, label } : { from: until, to: from, label };
}

function bounded({ today }: Reading, word: string, { period, length }: Found): Found | undefined {
  const { from = today, to = today, label } = period;
  const whole = { length: length + 1 };
  if (word === 'since' || word === 'from' || word === 'starting') {
    return { ...whole, period: { from, to: Math.max(today, from), label: `since ${label}` } };
  }
  if (word === 'after') return { ...whole, period: { from: to + 1, label: `after ${label}` } };
  if (word === 'before') return { ...whole, period: { to: from - 1, label: `before ${label}` } };
  if (word === 'between') return undefined;
  return { ...whole, period: { from: Math.min(today, to), to, label: `today to ${readableDay(to)}` } };
}
