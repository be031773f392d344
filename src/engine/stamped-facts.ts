import type { Fact, StampedFact } from './engine.ts';

/** Facts of an attempt of an operation; of one that makes no attempts, `attempt` is 0. */
export function factsOfAttempt(
  runId: string,
  position: number,
  attempt: number,
  facts: readonly Fact[],
  at: number,
): StampedFact[] {
  return stamped(`${runId}/${position}/${attempt}`, facts, at);
}

/** Facts of the start or the end of a run, which are those of no operation. */
export function factsOfRun(
  runId: string,
  place: 'start' | 'end',
  facts: readonly Fact[],
  at: number,
): StampedFact[] {
  return stamped(`${runId}/${place}`, facts, at);
}

/** The same fact has the same id, however often it is stamped. */
function stamped(prefix: string, facts: readonly Fact[], at: number): StampedFact[] {
  return facts.map((fact, index) => ({ ...fact, id: `${prefix}/${index}`, at }));
}
