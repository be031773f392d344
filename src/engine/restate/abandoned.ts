import type { StampedFact } from '../engine.ts';
import type { FlowRegistry } from '../flow-registry.ts';
import type { RunReader } from './run-reader.ts';

/**
 * The facts that close on the record what a run stood for that Restate has ended without its code. They are the same whenever
 * they are asked for, so that a crash between the end and their writing is mended by asking again.
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
  const at = run.endedAt ?? run.createdAt;
  const facts = flow?.abandoned({
    input: run.input,
    error: run.error,
    at,
    isRestart: run.restartOf !== undefined,
    history: await reader.history(row),
  });
  return (facts ?? []).map((fact, index) => ({ ...fact, id: `${runId}/end/${index}`, at }));
}
