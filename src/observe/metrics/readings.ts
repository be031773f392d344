import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ConversationStatus } from '../../record/events.ts';
import type { Reading } from './metrics.ts';

/** What gauges are read from. Each that fails, or takes longer than a second, is left out. */
export interface GaugeSources {
  stats(): { readonly queued: number; readonly running: number; readonly resident: number };
  /** Runs that have not ended, by flow and version. */
  versions(): Promise<readonly UnfinishedOfVersion[]>;
  /** Dead letters, by flow. */
  deadLetters(): Promise<readonly { readonly flow: string; readonly count: number }[]>;
  /** When the request of the oldest conversation came that is in a status. */
  oldest(status: WaitingStatus): Promise<{ readonly at: number } | undefined>;
  counts(): Promise<Readonly<Partial<Record<ConversationStatus, number>>>>;
  openCircuits(): readonly { readonly state: string }[];
  disabledEndpoints(): Promise<readonly unknown[]>;
  /** The alarms of which it is known whether they fire. */
  alarms?(): Promise<readonly { readonly name: string; readonly fires: boolean }[]>;
  readonly build: { readonly version: string; readonly engine: string; readonly role: string };
}

interface UnfinishedOfVersion {
  readonly flow: string;
  readonly statuses: Readonly<Partial<Record<string, number>>>;
  readonly oldestStartedAt?: number;
}

const waitingStatuses = ['queued', 'processing', 'delivering'] as const;
type WaitingStatus = (typeof waitingStatuses)[number];

const patienceMs = 1_000;

/** Reads the gauges when they are asked for. What is asked for while it reads is answered with the same. */
export class Gauges {
  readonly #sources: GaugeSources;
  readonly #loop = new LoopDelay();
  #reading: Promise<readonly Reading[]> | undefined;

  constructor(sources: GaugeSources) {
    this.#sources = sources;
  }

  read(): Promise<readonly Reading[]> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  close(): void {
    this.#loop.close();
  }

  async #read(): Promise<readonly Reading[]> {
    const { stats, counts, openCircuits, disabledEndpoints, alarms, build, deadLetters, oldest } =
      this.#sources;
    const versions = this.#sources.versions();
    const now = Date.now();
    const all = await Promise.all([
      read(() => ofProcess()),
      read(() => this.#loop.readings()),
      read(() => ofEngine(stats())),
      read(async () => ofRuns(await versions, now)),
      read(async () => ofDeadLetters(await deadLetters(), await versions)),
      read(async () => ofOldest(await Promise.all(waitingStatuses.map(oldest)), now)),
      read(async () => ofConversations(await counts())),
      read(() => ofCircuits(openCircuits())),
      read(async () => [{ metric: 'endpointsDisabled', value: (await disabledEndpoints()).length }]),
      read(async () => ofAlarms((await alarms?.()) ?? [])),
      read(() => [{ metric: 'build', value: 1, labels: [build.version, build.engine, build.role] }]),
    ]);
    return all.flat();
  }
}

async function read(
  readings: () => readonly Reading[] | Promise<readonly Reading[]>,
): Promise<readonly Reading[]> {
  const { promise: late, resolve } = Promise.withResolvers<readonly Reading[]>();
  const timer = setTimeout(() => resolve([]), patienceMs);
  try {
    return await Promise.race([readings(), late]);
  } catch {
    // Health says what is wrong with it.
    return [];
  } finally {
    clearTimeout(timer);
  }
}

function ofProcess(): Reading[] {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  return [
    { metric: 'residentMemory', value: memory.rss },
    { metric: 'heapUsed', value: memory.heapUsed },
    { metric: 'heapTotal', value: memory.heapTotal },
    { metric: 'externalMemory', value: memory.external },
    { metric: 'cpu', value: (cpu.user + cpu.system) / 1e6 },
    { metric: 'startTime', value: Math.round(performance.timeOrigin) / 1_000 },
  ];
}

const ofEngine = ({ queued, running, resident }: ReturnType<GaugeSources['stats']>): Reading[] => [
  { metric: 'queueDepth', value: queued },
  { metric: 'runsExecuting', value: running },
  { metric: 'runsResident', value: resident },
];

function ofRuns(versions: readonly UnfinishedOfVersion[], now: number): Reading[] {
  const statuses: Record<string, number> = { queued: 0, running: 0, waiting: 0, paused: 0 };
  const oldest = new Map<string, number>();
  for (const { flow, oldestStartedAt = now, ...version } of versions) {
    for (const [status, count = 0] of Object.entries(version.statuses)) {
      statuses[status] = (statuses[status] ?? 0) + count;
    }
    oldest.set(flow, Math.min(oldest.get(flow) ?? now, oldestStartedAt));
  }
  return [
    ...Object.entries(statuses).map(([status, value]) => reading('runs', value, status)),
    ...[...oldest].map(([flow, at]) => reading('oldestRun', secondsBetween(at, now), flow)),
  ];
}

/** Flows that have none say so. */
function ofDeadLetters(
  counts: Awaited<ReturnType<GaugeSources['deadLetters']>>,
  versions: readonly UnfinishedOfVersion[],
): Reading[] {
  const byFlow = new Map(versions.map(({ flow }) => [flow, 0]));
  for (const { flow, count } of counts) byFlow.set(flow, count);
  return [...byFlow].map(([flow, count]) => reading('deadLetters', count, flow));
}

const ofOldest = (oldest: readonly ({ readonly at: number } | undefined)[], now: number): Reading[] =>
  oldest.map((found, index) =>
    reading('oldestConversation', secondsBetween(found?.at ?? now, now), waitingStatuses[index]!),
  );

const reading = (metric: Reading['metric'], value: number, label: string): Reading => ({
  ...{ metric, value, labels: [label] },
});

/** Clocks of several processes are not the same. */
const secondsBetween = (from: number, to: number): number => Math.max(0, to - from) / 1_000;

function ofConversations(counts: Awaited<ReturnType<GaugeSources['counts']>>): Reading[] {
  const byStatus = Object.entries(counts).map(
    ([status, value]): Reading => ({ metric: 'conversations', value, labels: [status] }),
  );
  return [...byStatus, { metric: 'deliveriesWaiting', value: counts.delivering ?? 0 }];
}

function ofCircuits(open: ReturnType<GaugeSources['openCircuits']>): Reading[] {
  const count = (state: string) => open.filter((circuit) => circuit.state === state).length;
  return ['open', 'half_open'].map((state) => ({ metric: 'breakers', value: count(state), labels: [state] }));
}

const ofAlarms = (alarms: readonly { readonly name: string; readonly fires: boolean }[]): Reading[] =>
  alarms.map(({ name, fires }) => ({ metric: 'alarmFiring', value: fires ? 1 : 0, labels: [name] }));

const windowMs = 60_000;

/** The delay of the event loop over the last whole minute, and the one under way: the longer of both. */
class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: 20 });
  readonly #timer: NodeJS.Timeout;
  #last = { p50: 0, p99: 0, max: 0 };

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => {
      this.#last = this.#now();
      this.#histogram.reset();
    }, windowMs).unref();
  }

  readings(): Reading[] {
    const now = this.#now();
    return [
      { metric: 'loopP50', value: Math.max(now.p50, this.#last.p50) },
      { metric: 'loopP99', value: Math.max(now.p99, this.#last.p99) },
      { metric: 'loopMax', value: Math.max(now.max, this.#last.max) },
    ];
  }

  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #now() {
    const histogram = this.#histogram;
    if (histogram.count === 0) return { p50: 0, p99: 0, max: 0 };
    // It counts the time between two ticks of 20 ms, in nanoseconds; what is more than that is delay.
    const delay = (ns: number) => Math.max(0, Math.round(ns / 1e3 - 20_000) / 1e6);
    return {
      p50: delay(histogram.percentile(50)),
      p99: delay(histogram.percentile(99)),
      max: delay(histogram.max),
    };
  }
}
