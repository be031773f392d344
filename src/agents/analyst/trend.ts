/** Whether a series goes up or down, without assumptions on its distribution. Pure. */

export interface Trend {
  readonly direction: 'rising' | 'falling' | 'none';
  /** Change per step, by Theil–Sen: the median of the slopes between all pairs of points. */
  readonly slope: number;
  /** Two-sided, by the Mann–Kendall test with correction for ties and continuity. */
  readonly pValue: number;
}

/** Fewer points say nothing: the normal approximation of the test wants at least 8 to 10. */
const fewestPoints = 8;
const significance = 0.05;

/**
 * Mann, Nonparametric tests against trend, Econometrica 13 (1945); Kendall, Rank Correlation Methods (1975), for the variance
 * with ties; Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63 (1968).
 */
export function trendOf(values: readonly number[]): Trend | undefined {
  if (values.length < fewestPoints) return undefined;
  const slopes: number[] = [];
  let score = 0;
  for (const [right, later] of values.entries()) {
    for (let left = 0; left < right; left++) {
      const difference = later - (values[left] ?? 0);
      slopes.push(difference / (right - left));
      score += Math.sign(difference);
    }
  }
  const pValue = pValueOf(score, varianceOf(values));
  const direction = pValue >= significance ? 'none' : score > 0 ? 'rising' : 'falling';
  return { direction, slope: median(slopes), pValue };
}

function varianceOf(values: readonly number[]): number {
  const term = (count: number) => count * (count - 1) * (2 * count + 5);
  const ties = new Map<number, number>();
  for (const value of values) ties.set(value, (ties.get(value) ?? 0) + 1);
  let variance = term(values.length);
  for (const count of ties.values()) variance -= term(count);
  return variance / 18;
}

function pValueOf(score: number, variance: number): number {
  if (variance <= 0 || score === 0) return 1;
  const z = (Math.abs(score) - 1) / Math.sqrt(variance);
  return 2 * (1 - normalBelow(z));
}

/** The normal distribution function; Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17 (error under 7.5e-8). */
function normalBelow(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
