import { Type } from 'typebox';
import { exponentialDelays, type RetryPolicy } from '../core/retry.ts';
import type { Step } from '../engine/engine.ts';
import { defineFlow, type Flow } from '../engine/flow.ts';
import { type ErasePorts, EraseWork, type Outcome } from './erase-work.ts';
import type { ErasureLog } from './erasure-log.ts';

export interface EraseFlowPorts extends ErasePorts {
  readonly erasures: ErasureLog;
  readonly retry?: RetryPolicy;
}

/** In one run. */
export const erasedAtOnce = 500;

/** In one step: so many are done again when the process dies in the middle of it. */
const pieceSize = 50;

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

/**
 * Takes the content of conversations away, some at a time: from the journals of their runs and what is kept beside them, from the record,
 * from exports. Each part may be done again, and one that a crash cut off is: so it is all gone in the end, or the run is a dead
 * letter that says what is not. Before all, the ids are noted beside the record. The journals go first: once they are gone nothing can be
 * started anew that would bring content back. Exports go last: one that is under way meanwhile looks at the record once more when its
 * files are written. A conversation of which a run has not ended is done alone, after the others, so that it holds up none of them.
 */
export function createEraseFlow(ports: EraseFlowPorts): EraseFlow {
  const options = { retry: ports.retry ?? eraseRetry, timeoutMs: 300_000 };
  const work = new EraseWork(ports);
  return defineFlow({
    name: 'erase',
    version: 2,
    input,
    output,
    concurrency: 2,
    async run(step, { trackingIds, by, again = false }) {
      const complete = await step.run('choose', () => work.chooseComplete(trackingIds), options);
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

  async function note(step: Step, name: string, entry: { trackingIds: string[]; by: string }): Promise<void> {
    const noted = () => ports.erasures.note(step.runId, { ...entry, at: Date.now() });
    await step.run(name, () => noted().then(() => null), options);
  }

  async function eraseAll(
    step: Step,
    { trackingIds, by }: EraseInput,
    outcomes: Map<string, Outcome>,
  ): Promise<void> {
    const left: string[] = [];
    for (let at = 0; at < trackingIds.length; at += pieceSize) {
      const piece = trackingIds.slice(at, at + pieceSize);
      left.push(...(await erasePiece(step, { piece, by, patient: false }, outcomes)));
    }
    for (const trackingId of left) {
      await erasePiece(step, { piece: [trackingId], by, patient: true }, outcomes);
    }
  }

  /** Returns those of which a run has not ended, which are left as they are; `patient` waits for that. */
  async function erasePiece(
    step: Step,
    { piece, by, patient }: { piece: readonly string[]; by: string; patient: boolean },
    outcomes: Map<string, Outcome>,
  ): Promise<string[]> {
    const seen = await step.run('look', () => work.look(piece, patient), options);
    for (const { trackingId, outcome } of seen.other) outcomes.set(trackingId, outcome);
    if (seen.found.length === 0) return seen.left;
    const { forgotten, left } = await step.run('runs', () => work.forget(seen.found, patient), options);
    const erasing = seen.found.filter(({ trackingId }) => forgotten.includes(trackingId));
    const erasure = { runId: step.runId, by };
    const ids = erasing.map(({ trackingId }) => trackingId);
    const ended = await step.run('record', () => work.eraseRecords(ids, erasure), options);
    for (const [at, outcome] of ended.entries()) outcomes.set(ids[at]!, outcome);
    const gone = erasing.filter((_, at) => ended[at] === 'erased').map(({ prefix }) => prefix);
    await step.run('exports', () => work.removeExports(gone).then(() => null), options);
    return [...seen.left, ...left];
  }
}

const withOutcome = (outcomes: ReadonlyMap<string, Outcome>, wanted: Outcome): string[] =>
  [...outcomes].flatMap(([trackingId, outcome]) => (outcome === wanted ? [trackingId] : []));

const isAnyWaiting = (outcomes: ReadonlyMap<string, Outcome>) =>
  withOutcome(outcomes, 'not_complete').length > 0;
