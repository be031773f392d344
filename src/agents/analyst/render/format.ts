import type { Scalar } from '../../../tools/warehouse/warehouse.ts';
import type { Grain } from '../semantic-layer/dimensions.ts';
import type { MeasureUnit } from '../semantic-layer/measures.ts';
import { monthNames, parseDay, partsOf, readableDay } from '../words/calendar.ts';

/** What stands where there is no value. */
export const nothing = '–';

/** `1234567.8` to "1,234,568". */
export function whole(value: number): string {
  const digits = String(Math.round(Math.abs(value)));
  if (/e/.test(digits)) return String(value);
  let grouped = '';
  for (let end = digits.length; end > 0; end -= 3) {
    grouped = digits.slice(Math.max(0, end - 3), end) + (grouped && `,${grouped}`);
  }
  return value < 0 && grouped !== '0' ? `-${grouped}` : grouped;
}

/** Short for sentences: "4.92 million", "812,000", "950". The currency is that of the data. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 999.5e6) return `${rounded(value / 1e9)} billion`;
  if (size >= 999.5e3) return `${rounded(value / 1e6)} million`;
  if (size >= 10_000) return whole(Math.round(value / 100) * 100);
  return whole(value);
}

const rounded = (value: number): string => {
  const size = Math.abs(value);
  return value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
};

function decimal(value: number): string {
  return Math.abs(value) < 100 ? value.toFixed(1).replace(/\.0$/, '') : whole(value);
}

/** A value of a measure; what was not computed is a dash, never a number. */
export function formatMeasure(value: Scalar | undefined, unit: MeasureUnit): string {
  if (typeof value !== 'number' || !Number.isFinite(value)) return nothing;
  if (unit === 'percent') return `${value.toFixed(1)} %`;
  if (unit === 'days') return `${decimal(value)} days`;
  if (unit === 'minutes') return `${whole(value)} min`;
  return unit === 'units' ? decimal(value) : whole(value);
}

/** The same for sentences. */
export function tellMeasure(value: Scalar | undefined, unit: MeasureUnit): string {
  if (typeof value !== 'number' || !Number.isFinite(value)) return nothing;
  return unit === 'money' ? short(value) : formatMeasure(value, unit);
}

export function money(value: Scalar | undefined): string {
  return formatMeasure(value, 'money');
}

export function percent(value: number): string {
  return Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : nothing;
}

/** "+12 %". */
export function change(before: number, after: number): string {
  if (!(before > 0)) return nothing;
  const share = (100 * (after - before)) / before;
  return `${share > 0 ? '+' : ''}${Math.abs(share) < 10 ? share.toFixed(1) : whole(share)} %`;
}

export function text(value: Scalar | undefined): string {
  if (value === null || value === undefined || value === '') return nothing;
  return typeof value === 'number' ? decimal(value) : String(value);
}

export function dayText(value: Scalar | undefined): string {
  const day = typeof value === 'string' ? parseDay(value.slice(0, 10)) : undefined;
  return day === undefined ? nothing : readableDay(day);
}

/** The first day of a week, month, … as people call it. */
export function grainText(value: Scalar | undefined, grain: Grain): string {
  const day = typeof value === 'string' ? parseDay(value.slice(0, 10)) : undefined;
  if (day === undefined) return nothing;
  const { year, month } = partsOf(day);
  if (grain === 'year') return String(year);
  if (grain === 'quarter') return `Q${month / 3 + 1} ${year}`;
  return grain === 'month' ? `${monthNames[month]?.slice(0, 3)} ${year}` : readableDay(day);
}

export function counted(count: number, [one, many]: readonly [string, string]): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}
