import { eachAtOnce } from '../core/at-once.ts';
import { SignalboxError } from '../core/errors.ts';
import type { Objects } from '../objects/objects.ts';
import { type Engine, hasEnded } from './engine.ts';
import { valuesFolder } from './values.ts';

/** Takes what is kept of ended runs out of the journal: inputs, results, signals, outputs. Those that are gone already are no error. */
export type ForgetRuns = (runIds: readonly string[]) => Promise<void>;

const foldersAtOnce = 8;

/** At most so many runs belong to one; more is a mistake. */
const familyLimit = 1_000;

/**
 * A run, those that it called or started, those that it was started anew as, and so on. Throws `conflict` when one of them has not ended, to
 * be tried again later.
 */
export async function endedFamily(engine: Pick<Engine, 'get' | 'history'>, runId: string): Promise<string[]> {
  const family = new Set([runId]);
  for (const member of family) {
    const run = await engine.get(member).catch(unlessUnreadable);
    if (run === undefined) continue;
    if (!hasEnded(run.status)) throw notEnded(member, run.status);
    if (run.restartedAs !== undefined) family.add(run.restartedAs);
    for (const { childRunId } of await engine.history(member).catch(unlessGone)) {
      if (childRunId !== undefined) family.add(childRunId);
    }
    if (family.size > familyLimit) throw new Error(`More than ${familyLimit} runs belong to ${runId}.`);
  }
  return [...family];
}

/** A run whose large value is gone already, because it was being forgotten when the process died. */
function unlessUnreadable(error: unknown): undefined {
  if (error instanceof SignalboxError && error.code === 'run_unreadable') return undefined;
  throw error;
}

/** A run that is forgotten in the same moment, as by an invocation that counts as cut off and goes on. */
function unlessGone(error: unknown): [] {
  if (error instanceof SignalboxError && error.code === 'unknown_run') return [];
  throw error;
}

const notEnded = (runId: string, status: string) =>
  new SignalboxError('conflict', `Run ${runId} is ${status}; only what has ended can be erased.`, {
    retryable: true,
  });

/** Their values that are too large for a journal. */
export async function forgetValues(objects: Objects, runIds: readonly string[]): Promise<void> {
  await eachAtOnce(runIds, foldersAtOnce, async (runId) => {
    const folder = `${valuesFolder}${runId}/`;
    for (let keys = await objects.list(folder); keys.length > 0; keys = await objects.list(folder)) {
      for (const key of keys) await objects.delete(key);
    }
  });
}
