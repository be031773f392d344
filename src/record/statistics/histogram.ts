/**
 * How often each duration occurred, in slots that are 1 ms wide below 128 ms and then 1/64 of a power of two: 64 slots from one power to the
 * next. What is read from a slot is its middle, at most 0.8 % from any duration in it (log-linear, as in HdrHistogram:
 * https://hdrhistogram.github.io/HdrHistogram/). Two histograms are added slot by slot, so that minutes make hours without a loss.
 * An array of counts by slot, with holes: an hour of 86,400 durations has some 200 slots of 2,000.
 */
export type Histogram = number[];

const exactBelow = 128;
const perPower = 64;

/** Of a duration in milliseconds. */
export function slotOf(durationMs: number): number {
  const value = Math.max(0, Math.round(durationMs));
  if (value < exactBelow) return value;
  const power = Math.floor(Math.log2(value));
  // Rounding of log2 may be one off at the powers themselves.
  const exact = 2 ** power > value ? power - 1 : 2 ** (power + 1) <= value ? power + 1 : power;
  return (exact - 5) * perPower + Math.floor(value / 2 ** (exact - 6)) - perPower;
}

/** The middle of a slot, in milliseconds. */
export function durationOf(slot: number): number {
  if (slot < exactBelow) return slot;
  const power = Math.floor(slot / perPower) + 5;
  const width = 2 ** (power - 6);
  return (slot - (power - 5) * perPower + perPower) * width + (width - 1) / 2;
}

export function add(histogram: Histogram, slot: number, count = 1): void {
  histogram[slot] = (histogram[slot] ?? 0) + count;
}

/** As text: slots and counts in turn, by slot. */
export function write(histogram: Histogram): string {
  const numbers: number[] = [];
  // Goes through what is there alone.
  histogram.forEach((count, slot) => void numbers.push(slot, count));
  return JSON.stringify(numbers);
}

/** Adds what `write` wrote. */
export function addWritten(histogram: Histogram, text: string): void {
  const numbers = JSON.parse(text) as readonly number[];
  for (let at = 0; at < numbers.length; at += 2) add(histogram, numbers[at]!, numbers[at + 1]!);
}

/** Durations that so many of all are at most as long as, by nearest rank, within `least` and `most`. */
export function percentiles(
  histogram: Histogram,
  fractions: readonly number[],
  { least, most }: { readonly least: number; readonly most: number },
): number[] {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  return fractions.map((fraction) => {
    const slot = slotAt(histogram, Math.max(1, Math.ceil(total * fraction)));
    return Math.min(most, Math.max(least, durationOf(slot)));
  });
}

/** The slot of the duration that has that rank, counted from 1. */
function slotAt(histogram: Histogram, rank: number): number {
  let seen = 0;
  for (let slot = 0; slot < histogram.length; slot++) {
    seen += histogram[slot] ?? 0;
    if (seen >= rank) return slot;
  }
  return 0;
}
