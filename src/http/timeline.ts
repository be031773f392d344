import { SignalboxError } from '../core/errors.ts';
import { type RunHistory, type TimelineEntry, timelineOf } from '../record/timeline.ts';
import { paceOf } from './pace.ts';
import type { AppPorts } from './ports.ts';
import { time } from './wire.ts';

/** Runs that are looked at: the question's, its delivery's, and those that an operator started anew are one each. */
const runsAtMost = 20;
/** Events of a page. */
export const timelineLimit = 1_000;

export interface TimelinePage {
  readonly entries: readonly TimelineEntry[];
  /** The cursor of the following page. */
  readonly next?: string;
  /** Whether there are runs that were not looked at. */
  readonly moreRuns: boolean;
}

export interface TimelinePageOptions {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

/**
 * From the record, and from the runs as far as the engine keeps them. A page has so many events, and what runs began to do between the first of
 * them and the first of the following page. Throws `invalid_request` for a cursor that is none.
 */
export async function readTimeline(
  ports: AppPorts,
  trackingId: string,
  { after, limit = timelineLimit }: TimelinePageOptions = {},
): Promise<TimelinePage> {
  const from = after === undefined ? beginning : placeOf(after);
  const [found, { runs, moreRuns }] = await Promise.all([
    ports.store.events(trackingId, from.sequence, limit + 1),
    runsOf(ports, trackingId),
  ]);
  const events = found.slice(0, limit);
  const following = found[limit];
  // Clocks are set back; a page never begins before the one before it.
  const until = following && { sequence: events.at(-1)!.sequence, at: Math.max(from.at, following.at) };
  const ofPage = runs.map((run) => ({
    ...run,
    operations: run.operations.filter(
      ({ startedAt }) => startedAt >= from.at && (until === undefined || startedAt < until.at),
    ),
  }));
  const entries = timelineOf(events, ofPage);
  return { entries, moreRuns, ...(until && { next: `${until.sequence}.${until.at}` }) };
}

interface Place {
  /** Of the last event before. */
  readonly sequence: number;
  /** Milliseconds since the epoch: what runs began to do before is on the pages before. */
  readonly at: number;
}

const beginning: Place = { sequence: 0, at: Number.NEGATIVE_INFINITY };

function placeOf(cursor: string): Place {
  const found = /^(\d{1,15})\.(\d{1,15})$/.exec(cursor);
  if (found !== null) return { sequence: Number(found[1]), at: Number(found[2]) };
  const message = `is ${JSON.stringify(cursor.slice(0, 40))}, which is no place in a timeline; use \`next\` of the page before`;
  throw new SignalboxError('invalid_request', `The parameter after ${message}.`, {
    fields: [{ path: 'after', message }],
  });
}

async function runsOf({ engine, stepTimes }: AppPorts, first: string) {
  const runs: RunHistory[] = [];
  const waiting = [first];
  for (const runId of waiting) {
    if (runs.length >= runsAtMost) return { runs, moreRuns: true };
    const history = await historyOf(engine, runId);
    if (history === undefined) continue;
    const { flow, restartedAs, operations } = history;
    runs.push({ ...history, paceOf: (operation) => paceOf(flow, operation, stepTimes) });
    const next = [restartedAs, ...operations.map((operation) => operation.childRunId)];
    waiting.push(...next.filter((id) => id !== undefined && !waiting.includes(id)).map(String));
  }
  return { runs, moreRuns: false };
}

/** Undefined for a run that is kept no more, or an engine that can't be asked now: the record is enough. */
async function historyOf(engine: AppPorts['engine'], runId: string) {
  try {
    const run = await engine.get(runId);
    if (run === undefined) return undefined;
    const { flow, restartedAs } = run;
    return { runId, flow, operations: await engine.history(runId), ...(restartedAs && { restartedAs }) };
  } catch (error) {
    if (error instanceof SignalboxError) return undefined;
    throw error;
  }
}

export function timelineToWire(entry: TimelineEntry) {
  return {
    kind: entry.kind,
    name: entry.name,
    started_at: time(entry.startedAt),
    start_is_estimated: entry.startIsEstimated,
    duration_ms: entry.durationMs,
    outcome: entry.outcome === 'going on' ? 'going_on' : entry.outcome,
    detail: entry.detail,
  };
}
