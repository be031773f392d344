import { Type } from 'typebox';
import { exponentialDelays, type RetryPolicy } from '../core/retry.ts';
import type { Step } from '../engine/engine.ts';
import { defineFlow, type Flow } from '../engine/flow.ts';
import type { Objects } from '../objects/objects.ts';
import { exportPrefix } from '../record/exports/forms.ts';
import type { Store } from '../store/store.ts';
import type { ErasureLog } from './erasure-log.ts';

export interface EraseFlowPorts {
  readonly store: Pick<Store, 'summary' | 'erase' | 'settleErasures'>;
  /** What the engine keeps of a run and of those that belong to it. */
  readonly runs: {
    /** Throws `conflict` when one of them has not ended. */
    family(runId: string): Promise<readonly string[]>;
    forget(runIds: readonly string[]): Promise<void>;
  };
  /** Where exported conversations are. */
  readonly exports: Objects;
  readonly erasures: ErasureLog;
  readonly retry?: RetryPolicy;
}

export const erasedAtOnce = 50;

const input = Type.Object({
  /** Ids alone: whatever else was looked for must not be in the journal. */
  trackingIds: Type.Array(Type.String(), { minItems: 1, maxItems: erasedAtOnce }),
  by: Type.String(),
  /** They were erased before, in a record that an older one has replaced: what is not complete there is waited for. */
  again: Type.Optional(Type.Boolean()),
});

const output = Type.Object({
  erased: Type.Array(Type.String()),
  skipped: Type.Array(Type.Object({ trackingId: Type.String(), because: Type.String() })),
});

export type EraseInput = { trackingIds: string[]; by: string; again?: boolean };
export type EraseFlow = Flow<EraseInput, unknown>;

/** For about a day: parts of it may be away, and an export of the conversation be tried again meanwhile. */
const eraseRetry: RetryPolicy = {
  maxAttempts: 40,
  delaysMs: exponentialDelays({ initialMs: 500, maxMs: 3_600_000, count: 14 }),
};

/** Deliveries are tried for most of a day. */
const lookAgain = { everyMs: 600_000, atMost: 200 };

type Outcome = Awaited<ReturnType<Store['erase']>>;

/**
 * Takes the content of conversations away, one after the other: from the journals of their runs and what is kept beside them, from the record,
 * from exports. Each part may be done again, and one that a crash cut off is: so it is all gone in the end, or the run is a dead
 * letter that says what is not. Before all, the ids are noted beside the record. The journals go first: once they are gone nothing can be
 * started anew that would bring content back. Exports go last: one that is under way meanwhile looks at the record once more when its
 * files are written.
 */
export function createEraseFlow(ports: EraseFlowPorts): EraseFlow {
  const options = { retry: ports.retry ?? eraseRetry, timeoutMs: 60_000 };
  return defineFlow({
    name: 'erase',
    version: 1,
    input,
    output,
    concurrency: 2,
    async run(step, { trackingIds, by, again = false }) {
      const complete = await step.run('choose', () => chooseComplete(trackingIds), options);
      if (!again) await note(step, 'note', { trackingIds: complete, by });
      const outcomes = new Map<string, Outcome>();
      await eraseAll(step, { trackingIds, by }, outcomes);
      for (let looks = 0; again && looks < lookAgain.atMost && isAnyWaiting(outcomes); looks++) {
        await step.sleep('until it is complete', lookAgain.everyMs);
        await eraseAll(step, { trackingIds: withOutcome(outcomes, 'not_complete'), by }, outcomes);
      }
      const erased = withOutcome(outcomes, 'erased');
      if (!again && erased.length !== complete.length)
        await note(step, 'note what was', { trackingIds: erased, by });
      await step.run('settle', () => ports.store.settleErasures().then(() => null), options);
      const skipped = [...outcomes].filter(([, outcome]) => outcome !== 'erased');
      return { erased, skipped: skipped.map(([trackingId, because]) => ({ trackingId, because })) };
    },
  });

  async function chooseComplete(trackingIds: readonly string[]): Promise<string[]> {
    const summaries = await Promise.all(trackingIds.map((trackingId) => ports.store.summary(trackingId)));
    return summaries.flatMap((summary) => (summary?.complete ? [summary.trackingId] : []));
  }

  async function note(step: Step, name: string, entry: { trackingIds: string[]; by: string }): Promise<void> {
    const noted = () => ports.erasures.note(step.runId, { ...entry, at: Date.now() });
    await step.run(name, () => noted().then(() => null), options);
  }

  async function eraseAll(
    step: Step,
    { trackingIds, by }: EraseInput,
    outcomes: Map<string, Outcome>,
  ): Promise<void> {
    for (const trackingId of trackingIds) outcomes.set(trackingId, await eraseOne(step, trackingId, by));
  }

  async function eraseOne(step: Step, trackingId: string, by: string): Promise<Outcome> {
    const found = await step.run('look', () => look(trackingId), options);
    if (found.outcome !== 'erased') return found.outcome;
    await step.run('runs', () => forgetAll(trackingId, found.runIds).then(() => null), options);
    const erase = (at: number) => ports.store.erase(trackingId, { runId: step.runId, by, at });
    const outcome = await step.run('record', () => erase(Date.now()), options);
    if (outcome === 'erased') {
      await step.run('exports', () => removeExports(found.prefix).then(() => null), options);
    }
    return outcome;
  }

  async function look(trackingId: string): Promise<{ outcome: Outcome; runIds: string[]; prefix: string }> {
    const summary = await ports.store.summary(trackingId);
    if (summary === undefined) return { outcome: 'unknown', runIds: [], prefix: '' };
    if (!summary.complete) return { outcome: 'not_complete', runIds: [], prefix: '' };
    const runIds = [...(await ports.runs.family(trackingId))];
    return { outcome: 'erased', runIds, prefix: exportPrefix(summary) };
  }

  /** One that was started anew since they were looked for is in the journals of those alone; while it has not ended this throws. */
  async function forgetAll(trackingId: string, runIds: readonly string[]): Promise<void> {
    const now = await ports.runs.family(trackingId);
    await ports.runs.forget([...new Set([...runIds, ...now])]);
  }

  async function removeExports(prefix: string): Promise<void> {
    for (const key of await ports.exports.list(`${prefix}/`)) await ports.exports.delete(key);
  }
}

const withOutcome = (outcomes: ReadonlyMap<string, Outcome>, wanted: Outcome): string[] =>
  [...outcomes].flatMap(([trackingId, outcome]) => (outcome === wanted ? [trackingId] : []));

const isAnyWaiting = (outcomes: ReadonlyMap<string, Outcome>) =>
  withOutcome(outcomes, 'not_complete').length > 0;
