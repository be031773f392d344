import { hasEnded } from '../engine.ts';
import type { ForgetRuns } from '../forget.ts';
import type { Records, StoredRecord } from '../records.ts';
import { listFor, type RunRecord, recordKeys } from './messages.ts';

const atOnce = 100;

/**
 * Takes out of the records what they keep of ended runs: values of signals, idempotency keys with the request, and the run itself, last. What AWS
 * keeps of an execution it takes away when its retention ends, and not before.
 */
export function createForgetRuns(records: Records): ForgetRuns {
  return async (runIds) => {
    for (const runId of runIds) await forget(records, runId);
  };
}

async function forget(records: Records, runId: string): Promise<void> {
  const run = await records.read(recordKeys.run(runId));
  if (run !== undefined && !hasEnded((run.value as RunRecord).status)) return;
  for (;;) {
    const kept = await records.list(listFor(runId), atOnce);
    for (const record of kept) await remove(records, record);
    if (kept.length < atOnce) break;
  }
  if (run !== undefined) await remove(records, run);
}

/** Whoever has changed it meanwhile has not made it needed. */
async function remove(records: Records, { key, version }: StoredRecord): Promise<void> {
  for (let seen: number | undefined = version; seen !== undefined; ) {
    if (await records.remove(key, seen)) return;
    seen = (await records.read(key))?.version;
  }
}
