import type { StampedFact } from '../engine.ts';
import type { FlowRegistry } from '../flow-registry.ts';
import { factsOf, operationsOf } from './journal.ts';
import type { RunReader } from './run-reader.ts';

/**
 * The facts of a run that Restate has ended without its code: those of its journal, and those that close on the record what it stood
 * for. They are the same whenever they are asked for, so that a crash between the end and their writing is mended by asking again.
 */
export async function abandonedFacts(
  reader: RunReader,
  flows: FlowRegistry,
  runId: string,
): Promise<StampedFact[]> {
  const row = await reader.require(runId);
  const run = await reader.toRun(row);
  if (run.status !== 'cancelled' || run.error === undefined || (await reader.endedByItself(row))) return [];
  const flow = flows.find(run.flow, run.version);
  const journal = await reader.journal(row);
  const at = run.endedAt ?? run.createdAt;
  const facts = flow?.abandoned({
    input: run.input,
    error: run.error,
    at,
    isRestart: run.restartOf !== undefined,
    history: operationsOf(journal),
  });
  const closing = (facts ?? []).map((fact, index) => ({ ...fact, id: `${runId}/end/${index}`, at }));
  return [...factsOf(journal), ...closing];
}
