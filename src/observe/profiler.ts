import type { HeapProfiler, Profiler as V8Profiler } from 'node:inspector/promises';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { SignalboxError } from '../core/errors.ts';

/** What a process did in a time, and what its heap holds. */
export interface ProcessProfile {
  /** As Chrome's DevTools open it (`.cpuprofile`). */
  readonly cpu: V8Profiler.Profile;
  readonly heap: HeapSummary;
}

export interface HeapSummary {
  readonly usedBytes: number;
  readonly totalBytes: number;
  readonly limitBytes: number;
  /** Outside the heap, held by its objects. */
  readonly externalBytes: number;
  readonly residentBytes: number;
  readonly spaces: readonly { readonly name: string; readonly usedBytes: number }[];
  /** Where what was taken meanwhile and is still there was taken, the most first; a sample. */
  readonly takenBy: readonly { readonly place: string; readonly bytes: number }[];
}

const longestProfileMs = 120_000;
const placesShown = 25;

/**
 * Profiles this process with the sampling profilers of V8, which cost a few percent while they run. One profile at a time: a
 * second one is refused with `conflict`.
 */
export class Profiler {
  #busy = false;

  /** Profiles for `durationMs`, or until `signal` is aborted; then it ends with what there is. */
  async profile(durationMs: number, signal: AbortSignal): Promise<ProcessProfile> {
    if (this.#busy) {
      throw new SignalboxError(
        'conflict',
        'A profile of this process is being taken; ask again when it is done.',
      );
    }
    this.#busy = true;
    try {
      return await take(Math.min(durationMs, longestProfileMs), signal);
    } finally {
      this.#busy = false;
    }
  }
}

async function take(durationMs: number, signal: AbortSignal): Promise<ProcessProfile> {
  // With the machinery of the debugger, which is not loaded for nothing.
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('HeapProfiler.startSampling', { samplingInterval: 32_768 });
    await session.post('Profiler.start');
    await passed(durationMs, signal);
    const { profile: cpu } = await session.post('Profiler.stop');
    const { profile: heap } = await session.post('HeapProfiler.stopSampling');
    return { cpu, heap: summaryOf(heap) };
  } finally {
    session.disconnect();
  }
}

function passed(durationMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, durationMs);
  const stop = () => resolve();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) resolve();
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  });
}

function summaryOf(profile: HeapProfiler.SamplingHeapProfile): HeapSummary {
  const heap = getHeapStatistics();
  return {
    usedBytes: heap.used_heap_size,
    totalBytes: heap.total_heap_size,
    limitBytes: heap.heap_size_limit,
    externalBytes: heap.external_memory,
    residentBytes: process.memoryUsage.rss(),
    spaces: getHeapSpaceStatistics().map((space) => ({
      name: space.space_name,
      usedBytes: space.space_used_size,
    })),
    takenBy: placesOf(profile.head),
  };
}

function placesOf(head: HeapProfiler.SamplingHeapProfileNode): HeapSummary['takenBy'] {
  const bytes = new Map<string, number>();
  const nodes = [head];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    nodes.push(...node.children);
    if (node.selfSize === 0) continue;
    const { functionName, url, lineNumber } = node.callFrame;
    const place = `${functionName || '(anonymous)'} ${url}:${lineNumber + 1}`;
    bytes.set(place, (bytes.get(place) ?? 0) + node.selfSize);
  }
  return [...bytes]
    .map(([place, size]) => ({ place, bytes: size }))
    .sort((one, other) => other.bytes - one.bytes)
    .slice(0, placesShown);
}
