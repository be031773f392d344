import { eachAtOnce } from '../core/at-once.ts';
import { SignalboxError } from '../core/errors.ts';
import type { Objects } from '../objects/objects.ts';
import { exportPrefix } from '../record/exports/forms.ts';
import type { Store } from '../store/store.ts';

export interface ErasePorts {
  readonly store: Pick<Store, 'summary' | 'erase' | 'settleErasures'>;
  /** What the engine keeps of a run and of those that belong to it. */
  readonly runs: {
    /** Throws `conflict` when one of them has not ended. */
    family(runId: string): Promise<readonly string[]>;
    forget(runIds: readonly string[]): Promise<void>;
  };
  /** Where exported conversations are. */
  readonly exports: Objects;
}

export type Outcome = Awaited<ReturnType<Store['erase']>>;

/** A conversation that can be erased. */
export interface Found {
  readonly trackingId: string;
  readonly runIds: readonly string[];
  readonly prefix: string;
}

/** Reads and removals at once: they wait for a disk or another machine. */
const atOnce = 8;

/** What is written at once is one transaction of the thread that accepts: no more than it has the time for in between. */
const writtenAtOnce = 10;

/** The parts of an erasure, each for some conversations; each may be done again. */
export class EraseWork {
  readonly #ports: ErasePorts;

  constructor(ports: ErasePorts) {
    this.#ports = ports;
  }

  async chooseComplete(trackingIds: readonly string[]): Promise<string[]> {
    const { store } = this.#ports;
    const summaries = await eachAtOnce(trackingIds, atOnce, (trackingId) => store.summary(trackingId));
    return summaries.flatMap((summary) => (summary?.complete ? [summary.trackingId] : []));
  }

  /** Those that can be erased, those of which a run has not ended (for whom `patient` throws), and what the others are. */
  async look(trackingIds: readonly string[], patient: boolean) {
    const seen = await eachAtOnce(trackingIds, atOnce, (trackingId) => this.#lookAt(trackingId, patient));
    const found = seen.filter((one) => 'prefix' in one);
    const other = seen.filter((one) => 'outcome' in one);
    const left = seen.filter((one) => 'left' in one).map(({ left: trackingId }) => trackingId);
    return { found, other, left };
  }

  async #lookAt(
    trackingId: string,
    patient: boolean,
  ): Promise<Found | { trackingId: string; outcome: Outcome } | { left: string }> {
    const summary = await this.#ports.store.summary(trackingId);
    if (summary === undefined) return { trackingId, outcome: 'unknown' };
    if (!summary.complete) return { trackingId, outcome: 'not_complete' };
    const runIds = await this.#family(trackingId, patient);
    return runIds === undefined
      ? { left: trackingId }
      : { trackingId, runIds, prefix: exportPrefix(summary) };
  }

  /** What was looked for is in the journals of those alone. */
  async forget(found: readonly Found[], patient: boolean): Promise<{ forgotten: string[]; left: string[] }> {
    // One may have been started anew since.
    const now = await eachAtOnce(found, atOnce, ({ trackingId }) => this.#family(trackingId, patient));
    const ready = found.filter((_, at) => now[at] !== undefined);
    for (let at = 0; at < ready.length; at += writtenAtOnce) {
      const some = ready.slice(at, at + writtenAtOnce);
      const runIds = some.flatMap((one) => [...one.runIds, ...now[found.indexOf(one)]!]);
      await this.#ports.runs.forget([...new Set(runIds)]);
    }
    const idsOf = (many: readonly Found[]) => many.map(({ trackingId }) => trackingId);
    return { forgotten: idsOf(ready), left: idsOf(found.filter((one) => !ready.includes(one))) };
  }

  async eraseRecords(trackingIds: readonly string[], by: { runId: string; by: string }): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (let at = 0; at < trackingIds.length; at += writtenAtOnce) {
      const erase = (trackingId: string) => this.#ports.store.erase(trackingId, { ...by, at: Date.now() });
      outcomes.push(...(await Promise.all(trackingIds.slice(at, at + writtenAtOnce).map(erase))));
    }
    return outcomes;
  }

  async removeExports(prefixes: readonly string[]): Promise<void> {
    const { exports } = this.#ports;
    await eachAtOnce(prefixes, atOnce, async (prefix) => {
      const keys = await exports.list(`${prefix}/`);
      await Promise.all(keys.map((key) => exports.delete(key)));
    });
  }

  /** Undefined, or thrown to the patient, while one of them has not ended. */
  async #family(trackingId: string, patient: boolean): Promise<readonly string[] | undefined> {
    try {
      return [...(await this.#ports.runs.family(trackingId))];
    } catch (error) {
      const isUnderWay = error instanceof SignalboxError && error.code === 'conflict';
      if (patient || !isUnderWay) throw error;
      return undefined;
    }
  }
}
