import { closingFacts } from '../closing-facts.ts';
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
  const { input, error } = run;
  const at = run.endedAt ?? run.createdAt;
  const isRestart = run.restartOf !== undefined;
  const journal = await reader.journal(row);
  const abandoned = { input, error, at, isRestart, history: operationsOf(journal) };
  const closing = closingFacts(flows.find(run.flow, run.version), runId, abandoned);
  return [...factsOf(journal), ...closing];
}
