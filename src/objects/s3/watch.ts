import type { ObjectsProblem } from '../objects.ts';

export interface WatchOptions {
  /** Asked no more often. Default: 10 s. */
  readonly everyMs?: number;
  /** After that it does not answer. Default: 3 s. */
  readonly withinMs?: number;
  /** Milliseconds. */
  readonly clock?: () => number;
}

/**
 * What keeps a bucket from being used, as far as is known: whoever asks never waits, because probes ask several times a second and must be
 * answered also when the bucket is not. `check` throws what is wrong.
 */
export function watchBucket(
  name: string,
  check: () => Promise<void>,
  { everyMs = 10_000, withinMs = 3_000, clock = () => performance.now() }: WatchOptions = {},
): () => ObjectsProblem | undefined {
  let problem: Error | undefined;
  /** When the first check of those that failed one after the other was made. */
  let failingAt: number | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let isAnswered = true;
  const ask = async () => {
    [askedAt, isAnswered] = [clock(), false];
    problem = await check().then(
      () => undefined,
      (error: Error) => error,
    );
    isAnswered = true;
    failingAt = problem && (failingAt ?? askedAt);
  };
  const seen = () => {
    if (isAnswered || clock() - askedAt < withinMs) return problem;
    return problem ?? new Error(`${name} has not answered within ${withinMs / 1_000} s.`);
  };
  return () => {
    if (isAnswered && clock() - askedAt >= everyMs) void ask();
    const now = seen();
    return now && { message: now.message, since: Date.now() - (clock() - (failingAt ?? askedAt)) };
  };
}
