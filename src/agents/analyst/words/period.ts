import { add, endOf, formatDay, monthNames, partsOf, readableDay, startOf, type Unit } from './calendar.ts';

/** Days from `from` to `to`, both included; a missing bound is open. Days are numbers (calendar.ts). */
export interface Period {
  readonly from?: number;
  readonly to?: number;
  /** How people call it: "Q4 2026", "the last 30 days". */
  readonly label: string;
}

/** Where a month without a year lies: the latest that has begun, or the next that has not ended. */
export type Lean = 'past' | 'future';

/** "this quarter", "last month", "next year": the whole unit, `offset` units away from the one that holds today. */
export function relativeUnit(unit: Unit, offset: number, today: number): Period {
  const from = startOf(unit, add(unit, startOf(unit, today), offset));
  return { from, to: endOf(unit, from), label: labelOf(unit, from) };
}

/** The last N units end today; the next N units begin today. */
export function rolling(unit: Unit, count: number, direction: Lean, today: number): Period {
  const label = `the ${direction === 'past' ? 'last' : 'next'} ${count} ${unit}${count === 1 ? '' : 's'}`;
  return direction === 'past'
    ? { from: add(unit, today, -count) + 1, to: today, label }
    : { from: today, to: add(unit, today, count) - 1, label };
}

export function wholeUnit(unit: Unit, from: number): Period {
  return { from, to: endOf(unit, from), label: labelOf(unit, from) };
}

function labelOf(unit: Unit, from: number): string {
  const { year, month } = partsOf(from);
  if (unit === 'day') return readableDay(from);
  if (unit === 'week') return `the week of ${readableDay(from)}`;
  if (unit === 'month') return `${monthNames[month]} ${year}`;
  if (unit === 'quarter') return `Q${month / 3 + 1} ${year}`;
  if (unit === 'half') return `H${month / 6 + 1} ${year}`;
  return String(year);
}

/** The period of the same kind just before: the quarter before a quarter, as many days before any other range. */
export function previousOf(period: Period): Period | undefined {
  if (period.from === undefined || period.to === undefined) return undefined;
  for (const unit of ['week', 'month', 'quarter', 'half', 'year'] as const) {
    if (startOf(unit, period.from) === period.from && endOf(unit, period.from) === period.to) {
      return wholeUnit(unit, add(unit, period.from, -1));
    }
  }
  const days = period.to - period.from + 1;
  return { from: period.from - days, to: period.from - 1, label: `the ${days} days before` };
}

/** "1 Oct 2026 to 31 Dec 2026". */
export function datesOf({ from, to }: Period): string {
  if (from !== undefined && from === to) return readableDay(from);
  if (from !== undefined && to !== undefined) return `${readableDay(from)} to ${readableDay(to)}`;
  if (from !== undefined) return `from ${readableDay(from)} on`;
  return to === undefined ? 'all dates' : `up to ${readableDay(to)}`;
}

/** For logs and comparison: `2026-10-01/2026-12-31`. */
export function isoOf({ from, to }: Period): string {
  return `${from === undefined ? '..' : formatDay(from)}/${to === undefined ? '..' : formatDay(to)}`;
}
