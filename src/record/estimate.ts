import { type WebhookType, webhookTypes } from './events.ts';

/** What the estimator needs of the store. */
interface AnswerTimes {
  recentAnswerTimesMs(type: WebhookType, limit: number): Promise<readonly number[]>;
}

/** What a caller is told while there are no recent runs. */
const defaultEstimate = '30-60 seconds';

/** `<p50>-<p95> seconds` of recent durations, in minutes when they are long. */
export function estimateText(durationsMs: readonly number[]): string {
  if (durationsMs.length === 0) return defaultEstimate;
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const low = percentile(sorted, 0.5);
  const high = percentile(sorted, 0.95);
  if (high <= 1_000) return 'under 1 second';
  return high < 120_000
    ? range(low / 1_000, high / 1_000, 'second')
    : range(low / 60_000, high / 60_000, 'minute');
}

function range(low: number, high: number, unit: string): string {
  const [from, to] = [Math.max(1, Math.floor(low)), Math.ceil(high)];
  if (from === to) return `${to} ${unit}${to === 1 ? '' : 's'}`;
  return `${from}-${to} ${unit}s`;
}

/** Nearest rank (ISO 3534-1 leaves the choice; this one is always a duration that was seen). */
function percentile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)]!;
}

const recentCount = 200;
const refreshAfterMs = 5_000;

/**
 * Estimates from the latest 200 conversations of a type. `estimate` answers at once; the store is asked in the
 * background, at most every 5 s for a type.
 */
export class ProcessingTimeEstimator {
  readonly #store: AnswerTimes;
  readonly #clock: () => number;
  readonly #known = new Map<WebhookType, { text: string; refreshedAt: number }>();

  constructor(store: AnswerTimes, clock: () => number = Date.now) {
    this.#store = store;
    this.#clock = clock;
  }

  estimate(type: WebhookType): string {
    const known = this.#known.get(type);
    if (known === undefined || this.#clock() - known.refreshedAt >= refreshAfterMs) {
      this.#known.set(type, { text: known?.text ?? defaultEstimate, refreshedAt: this.#clock() });
      this.refresh(type).catch(() => {});
    }
    return this.#known.get(type)!.text;
  }

  /** Asks the store now; for all types at the start of the process. */
  async refresh(...types: readonly WebhookType[]): Promise<void> {
    for (const type of types.length > 0 ? types : webhookTypes) {
      const durations = await this.#store.recentAnswerTimesMs(type, recentCount);
      this.#known.set(type, { text: estimateText(durations), refreshedAt: this.#clock() });
    }
  }
}
