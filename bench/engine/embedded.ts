import { runJob } from '../process/job.ts';
import { removeFolder, temporaryFolder } from '../process/processes.ts';
import type { ContenderSource } from './contender.ts';
import type { LoopJob, LoopResult } from './loop.ts';

export interface EmbeddedJob extends LoopJob {
  readonly folder: string;
}

export const embedded: ContenderSource = {
  name: 'Signalbox embedded',
  durability: 'SQLite, one fsync for all steps of a turn of the event loop',
  async start() {
    return {
      async measure(job) {
        const folder = temporaryFolder('embedded');
        const module = new URL('embedded-runs.ts', import.meta.url);
        const result = await runJob<EmbeddedJob, LoopResult>(module, { ...job, folder });
        removeFolder(folder);
        return result;
      },
      stop: async () => {},
    };
  },
};
