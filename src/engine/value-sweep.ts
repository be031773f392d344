import type { Objects } from '../objects/objects.ts';
import { valuesFolder } from './values.ts';

/** More than there should ever be at once; the rest has its turn when these are gone. */
const keysAtOnce = 100_000;

/** Which of these runs the engine knows: those that are there, and those that are not yet, for which something is kept. */
export type KnownRuns = (runIds: readonly string[]) => Promise<ReadonlySet<string>>;

/**
 * Removes the large values of runs that are gone, and those that were stored for something that was never written. A run that is
 * about to be written has its values first: so what belongs to no run is looked at twice, one sweep after the other.
 */
export class ValueSweep {
  readonly #objects: Objects;
  readonly #known: KnownRuns;
  #suspects: ReadonlySet<string> = new Set();

  constructor(objects: Objects, known: KnownRuns) {
    this.#objects = objects;
    this.#known = known;
  }

  /** Resolves with how many objects were removed. */
  async sweep(): Promise<number> {
    const keys = await this.#objects.list(valuesFolder, keysAtOnce);
    const runs = [...new Set(keys.map(runOf))];
    const known = await this.#known(runs);
    const gone = new Set(runs.filter((run) => !known.has(run)));
    const expired = keys.filter((key) => gone.has(runOf(key)) && this.#suspects.has(runOf(key)));
    for (const key of expired) await this.#objects.delete(key);
    this.#suspects = gone;
    return expired.length;
  }
}

const runOf = (key: string): string => key.slice(valuesFolder.length).split('/', 1)[0]!;
