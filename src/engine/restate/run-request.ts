import type { StampedFact } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { journalText } from '../journal-text.ts';
import type { RunRequest } from './messages.ts';

/** What a run of a flow is started with. Throws `invalid_request` and what `journalText` throws. */
export function runRequest<I>(
  flow: Flow<I>,
  input: I,
  about: {
    readonly createdAt: number;
    readonly facts: readonly StampedFact[];
    readonly restartOf?: string;
    readonly startAt?: number;
  },
): RunRequest {
  const { name, version, keyLimit } = flow;
  const parsed = flow.parseInput(input);
  journalText(parsed, `input of flow ${name}`);
  const key = flow.keyOf(parsed);
  const place = key === undefined || keyLimit === undefined ? {} : { place: { key, limit: keyLimit } };
  return { flow: name, version, input: parsed, ...about, ...place };
}
