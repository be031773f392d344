import type { Flow } from './flow.ts';
import type { KeptValue, Values } from './values.ts';

/**
 * What a run is started with, as its flow takes it, and the concurrency key of that. Throws `invalid_request` and what `Values.keep` throws.
 */
export function keepInput<I>(
  values: Values,
  runId: string,
  flow: Flow<I>,
  input: I,
): { readonly kept: KeptValue; readonly key: string | undefined } {
  const parsed = flow.parseInput(input);
  return { kept: values.keep(runId, parsed, `input of flow ${flow.name}`), key: flow.keyOf(parsed) };
}

/** What a run has ended with, as its flow promises it. Throws what `parseOutput` and `Values.keep` throw. */
export function keepOutput(values: Values, runId: string, flow: Flow, output: unknown): KeptValue {
  return values.keep(runId, flow.parseOutput(output), `output of flow ${flow.name}`);
}
