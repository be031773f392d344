import type { DeadLetterCount, Engine } from './engine.ts';

/** Of a list of which each run is read whole. */
const countedAtMost = 100;

/** The newest of the dead letters by flow, where they are known by their list alone. */
export async function countListed(engine: Pick<Engine, 'list'>): Promise<readonly DeadLetterCount[]> {
  const { runs } = await engine.list({ deadLetters: true, limit: countedAtMost });
  const counts = new Map<string, number>();
  for (const { flow } of runs) counts.set(flow, (counts.get(flow) ?? 0) + 1);
  return [...counts].map(([flow, count]) => ({ flow, count }));
}
