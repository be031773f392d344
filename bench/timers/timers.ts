import { runJob } from '../process/job.ts';
import { removeFolder, temporaryFolder } from '../process/processes.ts';
import type { TimersJob, TimersResult } from './timers-job.ts';

/** How late sleeps end with nothing else going on, and with 64 five-step runs at once. */
export interface Timers {
  readonly quiet: TimersResult;
  readonly busy: TimersResult;
}

export async function measureTimers(): Promise<Timers> {
  const measure = async (atOnce: number) => {
    const folder = temporaryFolder('timers');
    const job: TimersJob = { folder, atOnce };
    const result = await runJob<TimersJob, TimersResult>(new URL('timers-job.ts', import.meta.url), job);
    removeFolder(folder);
    return result;
  };
  return { quiet: await measure(0), busy: await measure(64) };
}
