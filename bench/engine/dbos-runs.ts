import { DBOS } from '@dbos-inc/dbos-sdk';
import { serveJobs } from '../process/job.ts';
import type { DbosJob } from './dbos.ts';
import { runLoop } from './loop.ts';

const fiveSteps = DBOS.registerWorkflow(
  async (input: number) => {
    let value = input;
    for (let at = 1; at <= 5; at++) value = await DBOS.runStep(async () => value + 1, { name: `step ${at}` });
    return value;
  },
  { name: 'fiveSteps' },
);

serveJobs(async (job: DbosJob) => {
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: job.url, logLevel: 'error' });
  await DBOS.launch();
  const result = await runLoop(job, async () => {
    const output = await fiveSteps(0);
    if (output !== 5) throw new Error(`A run ended with ${output} instead of 5.`);
  });
  await DBOS.shutdown();
  return result;
});
