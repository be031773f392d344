import { startRestate } from '../engine/restate-server.ts';
import type { LatencySummary } from '../latency.ts';
import { runJob } from '../process/job.ts';

export interface WaitingJob {
  readonly ingress: number;
  readonly admin: number;
  readonly count: number;
}

export interface WaitingOnRestate {
  readonly count: number;
  /** From the start of a new run of one step to its end: before there are others, */
  readonly before: LatencySummary;
  /** while they are accepted by 128 senders, */
  readonly meanwhile: LatencySummary;
  /** and while they wait. */
  readonly withThem: LatencySummary;
  /** From the signal to the end of one of them. */
  readonly woken: LatencySummary;
  readonly secondsUntilAllWait: number;
  readonly workerPeakMib: number;
  readonly serverPeakMib: number;
}

const count = 100_000;

/** 100,000 runs that wait for a person on one node of Restate, and what new ones notice of them. */
export async function measureWaitingOnRestate(): Promise<WaitingOnRestate> {
  const { ingress, admin, peakMemoryMib, stop } = await startRestate();
  try {
    const module = new URL('waiting-job.ts', import.meta.url);
    const job = { ingress, admin, count };
    const measured = await runJob<WaitingJob, Omit<WaitingOnRestate, 'serverPeakMib'>>(module, job);
    return { ...measured, serverPeakMib: peakMemoryMib() };
  } finally {
    await stop();
  }
}
