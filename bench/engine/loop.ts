import { Latencies, type LatencySummary } from '../latency.ts';

export interface LoopJob {
  readonly atOnce: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export interface LoopResult {
  readonly latency: LatencySummary;
  readonly perSecond: number;
}

/** Keeps so many runs going at once, each followed by the next, and counts those that end in time. */
export async function runLoop(job: LoopJob, runOne: () => Promise<unknown>): Promise<LoopResult> {
  const beginMs = performance.now() + job.warmUpMs;
  const endMs = beginMs + job.durationMs;
  const latencies = new Latencies();
  const loops = Array.from({ length: job.atOnce }, async () => {
    while (performance.now() < endMs) {
      const startedAtMs = performance.now();
      await runOne();
      const now = performance.now();
      if (now >= beginMs && now <= endMs) latencies.add(now - startedAtMs);
    }
  });
  await Promise.all(loops);
  const latency = latencies.summary();
  return { latency, perSecond: (latency.count / job.durationMs) * 1_000 };
}
