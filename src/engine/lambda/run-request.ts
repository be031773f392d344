import type { StampedFact } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { keepInput } from '../flow-values.ts';
import type { Values } from '../values.ts';
import { keepFacts } from './kept-facts.ts';
import type { RunRequest } from './messages.ts';

/** With the rest of what AWS keeps of a step or a start, it takes 256 KiB. */
export const inlineLimitBytes = 200 * 1024;

/** What a run is started with, and what has to be stored before. */
export interface PreparedRequest {
  readonly request: RunRequest;
  readonly store: (() => Promise<void>) | undefined;
}

type About = Pick<RunRequest, 'runId' | 'createdAt' | 'startAt' | 'restartOf'> & {
  readonly facts: readonly StampedFact[];
};

/** What a run of a flow is started with. Throws `invalid_request` and what `Values.keep` throws. */
export function runRequest<I>(
  values: Values,
  flow: Flow<I>,
  input: I,
  { facts, ...about }: About,
): PreparedRequest {
  // A concurrency key that is none is refused, though nothing is limited by it here.
  const { kept } = keepInput(values, about.runId, flow, input);
  const { name, version } = flow;
  const keptFacts = keepFacts(values, about.runId, facts);
  const request = {
    flow: name,
    version,
    input: kept.reference ?? kept.value,
    ...about,
    facts: keptFacts.facts,
  };
  return { request, store: bothOf(kept.store, keptFacts.store) };
}

type Store = (() => Promise<void>) | undefined;

function bothOf(one: Store, other: Store): Store {
  if (one === undefined || other === undefined) return one ?? other;
  return async () => void (await Promise.all([one(), other()]));
}
