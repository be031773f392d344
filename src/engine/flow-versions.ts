import type { ErrorCode } from '../core/errors.ts';
import type { FlowVersion, RunStatus } from './engine.ts';
import type { FlowRegistry } from './flow-registry.ts';

/** Runs that have not ended and have this in common. */
export interface UnfinishedRuns {
  readonly flow: string;
  readonly version: number;
  readonly status: RunStatus;
  /** What they are paused for. */
  readonly code?: ErrorCode;
  readonly count: number;
  readonly oldestStartedAt: number;
}

interface Tally {
  unfinished: number;
  statuses: Partial<Record<RunStatus, number>>;
  pausedFor: Partial<Record<ErrorCode, number>>;
  oldestStartedAt?: number;
}

/** What is registered and what runs hold back, by name and version. */
export function tallyVersions(flows: FlowRegistry, unfinished: Iterable<UnfinishedRuns>): FlowVersion[] {
  const tallies = new Map<string, Tally>();
  for (const { name, version } of flows.all()) tallies.set(`${name}@${version}`, emptyTally());
  for (const runs of unfinished) {
    const key = `${runs.flow}@${runs.version}`;
    const tally = tallies.get(key) ?? emptyTally();
    tallies.set(key, tally);
    add(tally, runs);
  }
  return [...tallies]
    .map(([key, tally]) => {
      const [flow, version] = key.split('@') as [string, string];
      const registered = flows.find(flow, Number(version)) !== undefined;
      return { flow, version: Number(version), registered, ...tally };
    })
    .sort((a, b) => (a.flow === b.flow ? a.version - b.version : a.flow < b.flow ? -1 : 1));
}

const emptyTally = (): Tally => ({ unfinished: 0, statuses: {}, pausedFor: {} });

function add(tally: Tally, { status, code, count, oldestStartedAt }: UnfinishedRuns): void {
  tally.unfinished += count;
  tally.statuses[status] = (tally.statuses[status] ?? 0) + count;
  if (code !== undefined) tally.pausedFor[code] = (tally.pausedFor[code] ?? 0) + count;
  tally.oldestStartedAt = Math.min(tally.oldestStartedAt ?? Number.POSITIVE_INFINITY, oldestStartedAt);
}
