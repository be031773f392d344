import type { LatencySummary } from '../latency.ts';
import { runJob } from '../process/job.ts';

/** What is to be sent, and for how long. */
export interface LoadJob {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent one after the other, over and over. */
  readonly bodies: readonly string[];
  readonly connections: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export interface LoadResult {
  readonly latency: LatencySummary;
  readonly perSecond: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Warm-up included. */
  readonly sent: number;
  /** Cores that the sender used itself: near 1 it is the limit of what it measures. */
  readonly senderCpu: number;
}

/** Sends from a process of its own. Throws when anything was answered with another status than expected. */
export async function runLoad(job: LoadJob, expectedStatus: number): Promise<LoadResult> {
  const result = await runJob<LoadJob, LoadResult>(new URL('generator.ts', import.meta.url), job);
  const others = Object.keys(result.statuses).filter((status) => Number(status) !== expectedStatus);
  if (others.length === 0 && result.latency.count > 0) return result;
  throw new Error(`Expected only status ${expectedStatus}, got ${JSON.stringify(result.statuses)}.`);
}
