import type { FlowWatcher, WatchedAttempt } from './watched-flow.ts';

/** Bounds of classes of durations, each 10 % above the one before: from 1 ms to about two days. */
const growth = Math.log(1.1);
const classes = 200;
const leastCount = 100;
/** Beyond so many, all counts are halved, so that what was long ago counts ever less. */
const forgetAt = 10_000;
const stepsAtMost = 500;

/** A step that took longer than 99 of 100 of its kind. */
export interface SlowStep {
  readonly flow: string;
  readonly step: string;
  readonly runId: string;
  readonly durationMs: number;
  readonly p99Ms: number;
  /** Others of its kind that nothing was said of since the last one. */
  readonly untold: number;
}

/** What is quicker is nobody's trouble, however much quicker others were. */
const toldFromMs = 100;
/** Of one kind at most one line in so long. */
const toldEveryMs = 10_000;

interface Counts {
  readonly byClass: Uint32Array;
  total: number;
  /** By `performance.now()`. */
  toldAt: number;
  untold: number;
}

/**
 * How long steps take, by flow and step, in a room that does not grow: a count for each of 200 classes of durations, for
 * at most 500 steps. Numbers in the names of steps do not count (`attempt 1`, `attempt 2`).
 */
export class StepTimes implements FlowWatcher {
  readonly #steps = new Map<string, Counts>();
  readonly #onSlow: (slow: SlowStep) => void;

  constructor(onSlow: (slow: SlowStep) => void = () => {}) {
    this.#onSlow = onSlow;
  }

  attempted({ flow, step, runId, startedAt, endedAt, error }: WatchedAttempt): void {
    if (error !== undefined) return;
    const durationMs = endedAt - startedAt;
    if (durationMs >= toldFromMs) this.#tellSlow({ flow, step, runId, durationMs });
    this.note(flow, step, durationMs);
  }

  waited(): void {}
  ended(): void {}

  note(flow: string, step: string, durationMs: number): void {
    const key = keyOf(flow, step);
    let counts = this.#steps.get(key);
    if (counts === undefined) {
      if (this.#steps.size >= stepsAtMost) return;
      counts = {
        ...{ byClass: new Uint32Array(classes), total: 0 },
        ...{ toldAt: Number.NEGATIVE_INFINITY, untold: 0 },
      };
      this.#steps.set(key, counts);
    }
    const { byClass } = counts;
    const index = classOf(durationMs);
    byClass[index] = byClass[index]! + 1;
    counts.total += 1;
    if (counts.total >= forgetAt) halve(counts);
  }

  #tellSlow(slow: Pick<SlowStep, 'flow' | 'step' | 'runId' | 'durationMs'>): void {
    const p99Ms = this.p99Ms(slow.flow, slow.step);
    if (p99Ms === undefined || slow.durationMs <= p99Ms) return;
    const counts = this.#steps.get(keyOf(slow.flow, slow.step))!;
    const now = performance.now();
    if (now - counts.toldAt < toldEveryMs) {
      counts.untold += 1;
      return;
    }
    this.#onSlow({ ...slow, p99Ms, untold: counts.untold });
    counts.toldAt = now;
    counts.untold = 0;
  }

  /** 99 of 100 took at most so long, to 10 %; undefined while there are fewer than 100. */
  p99Ms(flow: string, step: string): number | undefined {
    const counts = this.#steps.get(keyOf(flow, step));
    if (counts === undefined || counts.total < leastCount) return undefined;
    let below = 0;
    for (const [index, count] of counts.byClass.entries()) {
      below += count;
      if (below >= counts.total * 0.99) return Math.ceil(Math.exp(index * growth));
    }
    return undefined;
  }
}

const keyOf = (flow: string, step: string): string => `${flow}/${step.replace(/\d+/g, '#').slice(0, 100)}`;

const classOf = (durationMs: number): number =>
  Math.min(classes - 1, Math.max(0, Math.ceil(Math.log(Math.max(1, durationMs)) / growth)));

function halve(counts: Counts): void {
  counts.total = 0;
  for (const [index, count] of counts.byClass.entries()) {
    counts.byClass[index] = count >> 1;
    counts.total += count >> 1;
  }
}
