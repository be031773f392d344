import { messageOf } from '../../core/errors.ts';
import type { HealthPart } from '../ports.ts';
import type { HealthProbe, Sight } from './parts.ts';

export interface HealthCheckOptions {
  /** How long a part may take. Default 2,000. */
  readonly timeoutMs?: number;
  /** How long what was seen counts, when all is well. Default 2,000. */
  readonly keepMs?: number;
}

/** What is not well is looked at more often, so that its end is seen soon. */
const keepProblemMs = 250;

/**
 * Looks at all parts at once and answers in time, whatever hangs. A part that hangs is not asked a second time before it has
 * answered the first, so that asking often piles up nothing.
 */
export class HealthCheck {
  readonly #probes: readonly HealthProbe[];
  readonly #timeoutMs: number;
  readonly #keepMs: number;
  readonly #hanging = new Map<string, { readonly sight: Promise<Sight>; readonly since: number }>();
  #kept: { readonly parts: Promise<readonly HealthPart[]>; until: number } | undefined;

  constructor(
    probes: readonly HealthProbe[],
    { timeoutMs = 2_000, keepMs = 2_000 }: HealthCheckOptions = {},
  ) {
    this.#probes = probes;
    this.#timeoutMs = timeoutMs;
    this.#keepMs = keepMs;
  }

  parts(): Promise<readonly HealthPart[]> {
    if (this.#kept !== undefined && performance.now() < this.#kept.until) return this.#kept.parts;
    const kept = { parts: this.#look(), until: Number.POSITIVE_INFINITY };
    this.#kept = kept;
    kept.parts.then((parts) => {
      const isWell = parts.every(({ status }) => status === 'HEALTHY');
      kept.until = performance.now() + (isWell ? this.#keepMs : Math.min(keepProblemMs, this.#keepMs));
    });
    return kept.parts;
  }

  #look(): Promise<readonly HealthPart[]> {
    return Promise.all(
      this.#probes.map(async (probe) => ({
        name: probe.name,
        essential: probe.essential,
        ...(await this.#lookAt(probe)),
      })),
    );
  }

  async #lookAt(probe: HealthProbe): Promise<Sight> {
    const { sight, since } = this.#hanging.get(probe.name) ?? this.#begin(probe);
    const { promise: late, resolve } = Promise.withResolvers<Sight>();
    const hangs = () => {
      const seconds = ((performance.now() - since) / 1_000).toFixed(1);
      resolve({ status: 'DOWN', detail: `It has not answered for ${seconds} s.` });
    };
    const timer = setTimeout(hangs, Math.max(0, since + this.#timeoutMs - performance.now()));
    try {
      return await Promise.race([sight, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #begin({ name, look }: HealthProbe) {
    const sight = this.#safely(look).finally(() => this.#hanging.delete(name));
    const begun = { sight, since: performance.now() };
    this.#hanging.set(name, begun);
    return begun;
  }

  async #safely(look: HealthProbe['look']): Promise<Sight> {
    try {
      return await look();
    } catch (error) {
      return { status: 'DOWN', detail: messageOf(error) };
    }
  }
}
