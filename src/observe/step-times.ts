import type { FlowWatcher, WatchedAttempt } from './watched-flow.ts';

/** Bounds of classes of durations, each 10 % above the one before: from 1 ms to about two days. */
const growth = Math.log(1.1);
const classes = 200;
const leastCount = 100;
/** Beyond so many, all counts are halved, so that what was long ago counts ever less. */
const forgetAt = 10_000;
const stepsAtMost = 500;

interface Counts {
  readonly byClass: Uint32Array;
  total: number;
}

/**
 * How long steps take, by flow and step, in a room that does not grow: a count for each of 200 classes of durations, for
 * at most 500 steps. Numbers in the names of steps do not count (`attempt 1`, `attempt 2`).
 */
export class StepTimes implements FlowWatcher {
  readonly #steps = new Map<string, Counts>();

  attempted({ flow, step, startedAt, endedAt, error }: WatchedAttempt): void {
    if (error === undefined) this.note(flow, step, endedAt - startedAt);
  }

  waited(): void {}
  ended(): void {}

  note(flow: string, step: string, durationMs: number): void {
    const key = keyOf(flow, step);
    let counts = this.#steps.get(key);
    if (counts === undefined) {
      if (this.#steps.size >= stepsAtMost) return;
      counts = { byClass: new Uint32Array(classes), total: 0 };
      this.#steps.set(key, counts);
    }
    const { byClass } = counts;
    const index = classOf(durationMs);
    byClass[index] = byClass[index]! + 1;
    counts.total += 1;
    if (counts.total >= forgetAt) halve(counts);
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
