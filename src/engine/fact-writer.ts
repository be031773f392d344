import type { StampedFact } from './engine.ts';

const remembered = 20_000;

/**
 * Writes facts to the store. A run that is replayed tells the facts at the end of its journal again each time; what this
 * process has written lately does not go to the store again.
 */
export class FactWriter {
  readonly #append: (facts: readonly StampedFact[]) => Promise<void>;
  readonly #written = new Set<string>();

  constructor(append: (facts: readonly StampedFact[]) => Promise<void>) {
    this.#append = append;
  }

  async write(facts: readonly StampedFact[]): Promise<void> {
    const open = facts.filter(({ id }) => !this.#written.has(id));
    if (open.length === 0) return;
    await this.#append(open);
    for (const { id } of open) this.#remember(id);
  }

  #remember(id: string): void {
    if (this.#written.size >= remembered) this.#written.delete(this.#written.values().next().value!);
    this.#written.add(id);
  }
}
