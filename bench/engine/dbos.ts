import { runJob } from '../process/job.ts';
import type { Contender, ContenderSource } from './contender.ts';
import type { LoopJob, LoopResult } from './loop.ts';
import { startPostgres } from './postgres.ts';

export interface DbosJob extends LoopJob {
  readonly url: string;
}

export const dbos: ContenderSource = {
  name: 'DBOS 5.3, PostgreSQL 18',
  durability: 'a commit for each step, fsync and synchronous_commit on (the defaults)',
  async start(): Promise<Contender> {
    const { url, stop } = await startPostgres();
    const module = new URL('dbos-runs.ts', import.meta.url);
    return { measure: (job) => runJob<DbosJob, LoopResult>(module, { ...job, url }), stop };
  },
};
