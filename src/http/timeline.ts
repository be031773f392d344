import { SignalboxError } from '../core/errors.ts';
import { type RunHistory, type TimelineEntry, timelineOf } from '../record/timeline.ts';
import { paceOf } from './pace.ts';
import type { AppPorts } from './ports.ts';
import { time } from './wire.ts';

/** Runs that are looked at: the question's, its delivery's, and those that an operator started anew are one each. */
const runsAtMost = 20;
const eventsAtMost = 1_000;

/** From the record, and from the runs as far as the engine keeps them. */
export async function readTimeline(ports: AppPorts, trackingId: string): Promise<readonly TimelineEntry[]> {
  const [events, runs] = await Promise.all([
    ports.store.events(trackingId, 0, eventsAtMost),
    runsOf(ports, trackingId),
  ]);
  return timelineOf(events, runs);
}

async function runsOf({ engine, stepTimes }: AppPorts, first: string): Promise<RunHistory[]> {
  const runs: RunHistory[] = [];
  const waiting = [first];
  for (const runId of waiting) {
    if (runs.length >= runsAtMost) break;
    const history = await historyOf(engine, runId);
    if (history === undefined) continue;
    const { flow, restartedAs, operations } = history;
    runs.push({ ...history, paceOf: (operation) => paceOf(flow, operation, stepTimes) });
    const next = [restartedAs, ...operations.map((operation) => operation.childRunId)];
    waiting.push(...next.filter((id) => id !== undefined && !waiting.includes(id)).map(String));
  }
  return runs;
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
