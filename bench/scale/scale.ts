import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runJob } from '../process/job.ts';
import { removeFolder, temporaryFolder } from '../process/processes.ts';
import { prepareData } from '../process/signalbox.ts';
import type { Growth, GrowthJob } from './growth-job.ts';
import { type Lookup, measureLookups } from './lookups.ts';

export interface WaitingMemory {
  readonly rssMib: number;
  readonly peakMib: number;
  readonly heapMib: number;
  /** Until the process takes requests. */
  readonly readyMs: number;
  /** From the signal to the end of one of the runs. */
  readonly wakeMs: number;
}

export interface ScaleResult {
  readonly waiting: { readonly accepted: WaitingMemory; readonly restarted: WaitingMemory };
  readonly small: Growth;
  readonly large: Growth;
  readonly lookups: readonly Lookup[];
  readonly fillSeconds: number;
}

const waitingRuns = 100_000;
const few = 10_000;
const many = 1_000_000;

export async function measureScale(): Promise<ScaleResult> {
  const waiting = await measureWaiting();
  const [small, large] = [temporaryFolder('small'), temporaryFolder('large')];
  const job = <R>(given: GrowthJob) => runJob<GrowthJob, R>(new URL('growth-job.ts', import.meta.url), given);
  const begun = performance.now();
  await job({ folder: large, count: many, fills: true });
  const fillSeconds = (performance.now() - begun) / 1_000;
  await job({ folder: small, count: few, fills: true });
  const filled = (folder: string, count: number) => ({ folder, count });
  const lookups = await measureLookups(filled(small, few), filled(large, many), await prepareData());
  const result = {
    small: await job<Growth>({ folder: small, count: few, fills: false }),
    large: await job<Growth>({ folder: large, count: many, fills: false }),
  };
  for (const folder of [small, large]) removeFolder(folder);
  return { waiting, lookups, ...result, fillSeconds };
}

async function measureWaiting(): Promise<ScaleResult['waiting']> {
  const folder = temporaryFolder('waiting');
  const accepted = await waitingProcess('accept', folder, waitingRuns);
  // One of them has been woken.
  const restarted = await waitingProcess('recover', folder, waitingRuns - 1);
  removeFolder(folder);
  return { accepted, restarted };
}

async function waitingProcess(what: string, folder: string, count: number): Promise<WaitingMemory> {
  const script = fileURLToPath(new URL('waiting-runs.ts', import.meta.url));
  // As `npm start` and `bin/signalbox` begin it.
  const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8'];
  const args = [...flags, script, what, folder, String(count)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as WaitingMemory;
}
