import type { StampedFact } from '../engine.ts';
import { FactWriter } from '../fact-writer.ts';
import { referenceOf, type ValueReference, type Values } from '../values.ts';

/** Facts as a journal of AWS has them: few in it, more as an object, because a value stands beside them there. */
export type KeptFacts = readonly StampedFact[] | ValueReference;

/** With this and a value of `inlineLimitBytes` there is room left in 256 KiB. */
const inlineFactsBytes = 32 * 1024;

const remembered = 1_000;

/** `store` is to be waited for before the facts are written to a journal. Throws what `Values.keep` throws. */
export function keepFacts(values: Values, runId: string, facts: readonly StampedFact[]) {
  const { reference, store } = values.keep(runId, facts, 'record of the facts', inlineFactsBytes);
  const kept: KeptFacts = reference ?? facts;
  return { facts: kept, store };
}

export const hasFacts = (kept: KeptFacts): boolean => !Array.isArray(kept) || kept.length > 0;

export async function factsFrom(values: Values, kept: KeptFacts): Promise<readonly StampedFact[]> {
  return (await values.resolve(kept)) as readonly StampedFact[];
}

/** Writes kept facts to the store. What this process has written lately is neither loaded nor written again when a run is replayed. */
export class KeptFactWriter {
  readonly #values: Values;
  readonly #facts: FactWriter;
  readonly #written = new Set<string>();

  constructor(values: Values, append: (facts: readonly StampedFact[]) => Promise<void>) {
    this.#values = values;
    this.#facts = new FactWriter(append);
  }

  async write(kept: KeptFacts): Promise<void> {
    const reference = referenceOf(kept);
    const key = reference && JSON.stringify(reference);
    if (key !== undefined && this.#written.has(key)) return;
    await this.#facts.write(await factsFrom(this.#values, kept));
    if (key === undefined) return;
    if (this.#written.size >= remembered) this.#written.clear();
    this.#written.add(key);
  }
}
