/**
 * Days of the proleptic Gregorian calendar as whole numbers (days since 1970-01-01), so that arithmetic is arithmetic and no time
 * zone can creep in. Weeks begin on Monday (ISO 8601).
 */

export type Unit = 'day' | 'week' | 'month' | 'quarter' | 'half' | 'year';

const msPerDay = 86_400_000;

export const monthNames = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

/** The day of a date; months count from 0 and may run over (month 12 is January of the next year). */
export function dayOf(year: number, month: number, date: number): number {
  return Math.floor(Date.UTC(year, month, date) / msPerDay);
}

/** `YYYY-MM-DD` to a day; undefined for what is no date (2026-02-30). */
export function parseDay(text: string): number | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match) return undefined;
  const day = dayOf(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  return formatDay(day) === text ? day : undefined;
}

export function formatDay(day: number): string {
  return new Date(day * msPerDay).toISOString().slice(0, 10);
}

export function partsOf(day: number): { year: number; month: number; date: number } {
  const date = new Date(day * msPerDay);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth(), date: date.getUTCDate() };
}

/** The same date so many months later, or the last day of that month when it is shorter (31 January + 1 is 28 February). */
export function addMonths(day: number, months: number): number {
  const { year, month, date } = partsOf(day);
  const lastDate = partsOf(dayOf(year, month + months + 1, 0)).date;
  return dayOf(year, month + months, Math.min(date, lastDate));
}

const monthsOf = { month: 1, quarter: 3, half: 6, year: 12 } as const;

/** The first day of the unit that holds `day`. */
export function startOf(unit: Unit, day: number): number {
  if (unit === 'day') return day;
  if (unit === 'week') return day - ((((day + 3) % 7) + 7) % 7);
  const { year, month } = partsOf(day);
  const length = monthsOf[unit];
  return dayOf(year, Math.floor(month / length) * length, 1);
}

/** `day` moved by so many units. */
export function add(unit: Unit, day: number, count: number): number {
  if (unit === 'day') return day + count;
  if (unit === 'week') return day + 7 * count;
  return addMonths(day, monthsOf[unit] * count);
}

/** The last day of the unit that begins with `start`. */
export function endOf(unit: Unit, start: number): number {
  return add(unit, start, 1) - 1;
}

/** "21 Nov 2026": unambiguous everywhere. */
export function readableDay(day: number): string {
  const { year, month, date } = partsOf(day);
  return `${date} ${monthNames[month]?.slice(0, 3)} ${year}`;
}
