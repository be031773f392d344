import { SignalboxError } from '../core/errors.ts';
import type { Flow } from './flow.ts';

/** The flows that a process has, by name and version. */
export class FlowRegistry {
  readonly #flows = new Map<string, Flow>();
  readonly #concurrency = new Map<string, number>();
  readonly #keyLimits = new Map<string, number>();
  readonly #background = new Set<string>();

  constructor(flows: readonly Flow<never>[]) {
    for (const flow of flows) {
      this.#flows.set(`${flow.name}@${flow.version}`, flow as unknown as Flow);
      this.#concurrency.set(flow.name, flow.concurrency);
      if (flow.keyLimit !== undefined) this.#keyLimits.set(flow.name, flow.keyLimit);
      if (flow.background) this.#background.add(flow.name);
    }
  }

  /** The names, each with how many of its runs may execute at once: what the version that was given last says. */
  get concurrency(): ReadonlyMap<string, number> {
    return this.#concurrency;
  }

  all(): Iterable<Flow> {
    return this.#flows.values();
  }

  /** The names of flows with a limit for each concurrency key, with the limit: what the version that was given last says. */
  get keyLimits(): ReadonlyMap<string, number> {
    return this.#keyLimits;
  }

  isInBackground(name: string): boolean {
    return this.#background.has(name);
  }

  hasName(name: string): boolean {
    return this.#concurrency.has(name);
  }

  find(name: string, version: number): Flow | undefined {
    return this.#flows.get(`${name}@${version}`);
  }

  /** Throws `unknown_flow`. */
  require(name: string, version: number): Flow {
    const flow = this.find(name, version);
    if (flow === undefined) throw this.unknown(`${name}@${version}`);
    return flow;
  }

  unknown(seen: string): SignalboxError {
    const known = [...this.#flows.keys()].join(', ') || 'none';
    return new SignalboxError(
      'unknown_flow',
      `There is no flow ${seen}; registered are: ${known}. Start the version of the program that has it; its runs go on then.`,
    );
  }
}
