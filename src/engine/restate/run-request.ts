import type { StampedFact } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { keepInput } from '../flow-values.ts';
import type { Values } from '../values.ts';
import type { RunRequest } from './messages.ts';

/** What a run is started with, and what has to be stored before. */
export interface PreparedRequest {
  readonly request: RunRequest;
  readonly store: (() => Promise<void>) | undefined;
}

/** What a run of a flow is started with. Throws `invalid_request` and what `Values.keep` throws. */
export function runRequest<I>(
  values: Values,
  runId: string,
  flow: Flow<I>,
  input: I,
  about: {
    readonly createdAt: number;
    readonly facts: readonly StampedFact[];
    readonly restartOf?: string;
    readonly startAt?: number;
  },
): PreparedRequest {
  const { name, version, keyLimit } = flow;
  const { kept, key } = keepInput(values, runId, flow, input);
  const place = key === undefined || keyLimit === undefined ? {} : { place: { key, limit: keyLimit } };
  const request = { flow: name, version, input: kept.reference ?? kept.value, ...about, ...place };
  return { request, store: kept.store };
}
