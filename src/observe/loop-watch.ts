import { Worker } from 'node:worker_threads';

/** Who blocks the event loop, as far as it is known. */
export interface Culprit {
  readonly flow: string;
  readonly runId: string;
  readonly step?: string;
}

export interface LoopWatchOptions {
  /** Called on the blocked thread, in the middle of the code that blocks it. */
  readonly whatExecutes: () => Culprit | undefined;
  readonly format: 'json' | 'readable';
  /** How long the loop may stand still before that is told. Default 1,000. */
  readonly stallMs?: number;
  /** Where lines go. Default 1, standard output. */
  readonly fileDescriptor?: number;
}

/** By which the thread finds `whatExecutes` when it looks into the paused one. */
export const whatExecutesName = 'signalbox.whatExecutes';
const beatMs = 100;

/**
 * Tells who blocks the event loop while it is blocked. This thread counts a beat every 100 ms; a thread of its own looks whether
 * it goes on counting. When it does not, it stops this thread for a moment with the debugger's protocol, asks where it is and for
 * which run and step, and writes a line itself: the blocked thread could not. Returns how to stop watching.
 */
export function watchLoop(options: LoopWatchOptions): () => void {
  const beats = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const counter = new Int32Array(beats);
  const key = Symbol.for(whatExecutesName);
  (globalThis as Record<symbol, unknown>)[key] = () => JSON.stringify(options.whatExecutes() ?? null);
  const { format, stallMs = 1_000, fileDescriptor = 1 } = options;
  const thread = new Worker(new URL('loop-watch-thread.ts', import.meta.url), {
    workerData: { beats, format, stallMs, fileDescriptor },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
  });
  thread.unref();
  // Without it the server goes on as well as with it.
  thread.on('error', () => {});
  const timer = setInterval(() => Atomics.add(counter, 0, 1), beatMs).unref();
  return () => {
    clearInterval(timer);
    void thread.terminate();
    delete (globalThis as Record<symbol, unknown>)[key];
  };
}
