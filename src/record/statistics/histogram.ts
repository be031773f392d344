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

/** What was written, added up, in one array with a place for every slot that is used again for the next sum. */
export class HistogramSum {
  readonly #counts = new Float64Array(slotOf(Number.MAX_SAFE_INTEGER) + 1);
  #first = this.#counts.length;
  #last = -1;
  #total = 0;

  /** Adds what `write` wrote. It is read digit by digit: a page of statistics has megabytes of it. */
  add(text: string): void {
    let value = 0;
    let slot = -1;
    // The first character is a bracket.
    for (let at = 1; at < text.length; at++) {
      const digit = text.charCodeAt(at) - 48;
      if (digit >= 0 && digit <= 9) value = value * 10 + digit;
      else {
        if (slot < 0) slot = value;
        else {
          this.#addCount(slot, value);
          slot = -1;
        }
        value = 0;
      }
    }
  }

  #addCount(slot: number, count: number): void {
    this.#counts[slot]! += count;
    this.#total += count;
    if (slot < this.#first) this.#first = slot;
    if (slot > this.#last) this.#last = slot;
  }

  /** Durations that so many of all are at most as long as, by nearest rank, within `least` and `most`. `fractions` rise. */
  percentiles(
    fractions: readonly number[],
    { least, most }: { readonly least: number; readonly most: number },
  ): number[] {
    let slot = this.#first;
    let seen = this.#counts[slot] ?? 0;
    return fractions.map((fraction) => {
      const rank = Math.max(1, Math.ceil(this.#total * fraction));
      while (seen < rank && slot < this.#last) seen += this.#counts[++slot]!;
      return Math.min(most, Math.max(least, durationOf(slot)));
    });
  }

  clear(): void {
    if (this.#last >= 0) this.#counts.fill(0, this.#first, this.#last + 1);
    this.#first = this.#counts.length;
    this.#last = -1;
    this.#total = 0;
  }
}
