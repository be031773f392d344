import type { StampedFact } from './engine.ts';
import type { AbandonedRun, Flow } from './flow.ts';
import { factsOfRun } from './stamped-facts.ts';

/**
 * What closes on the record what a run stood for that was ended without its code; nothing when its flow is not here to say it. They are the
 * same whenever they are asked for.
 */
export function closingFacts(
  flow: Flow | undefined,
  runId: string,
  run: AbandonedRun<unknown>,
): StampedFact[] {
  return factsOfRun(runId, 'end', flow?.abandoned(run) ?? [], run.at);
}
