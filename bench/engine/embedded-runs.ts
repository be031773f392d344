import { join } from 'node:path';
import { Type } from 'typebox';
import { EmbeddedEngine } from '../../src/engine/embedded/engine.ts';
import { defineFlow } from '../../src/engine/flow.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { Database } from '../../src/sqlite/database.ts';
import { serveJobs } from '../process/job.ts';
import type { EmbeddedJob } from './embedded.ts';
import { runLoop } from './loop.ts';

const fiveSteps = defineFlow({
  name: 'five-steps',
  version: 1,
  input: Type.Number(),
  output: Type.Number(),
  async run(step, input) {
    let value = input;
    for (let at = 1; at <= 5; at++) value = await step.run(`step ${at}`, () => value + 1);
    return value;
  },
});

serveJobs(async (job: EmbeddedJob) => {
  const database = new Database(join(job.folder, 'journal.sqlite'));
  const engine = new EmbeddedEngine({
    database,
    flows: [fiveSteps],
    writeFacts: () => {},
    observer: silentObserver,
  });
  engine.recover();
  return runLoop(job, async () => {
    const { runId } = await engine.start(fiveSteps, 0);
    const { output } = await engine.wait(runId);
    if (output !== 5) throw new Error(`A run ended with ${JSON.stringify(output)} instead of 5.`);
  });
});
