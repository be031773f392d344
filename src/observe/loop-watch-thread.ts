import { writeSync } from 'node:fs';
import type { Debugger, Session } from 'node:inspector/promises';
import { workerData } from 'node:worker_threads';
import { type Culprit, whatExecutesName } from './loop-watch.ts';
import { readable } from './readable.ts';

/** The thread of `watchLoop`. */

const { beats, format, stallMs, fileDescriptor } = workerData as {
  beats: SharedArrayBuffer;
  format: 'json' | 'readable';
  stallMs: number;
  fileDescriptor: number;
};
const counter = new Int32Array(beats);
let seen = Atomics.load(counter, 0);
let seenAt = performance.now();
let told = false;

setInterval(() => {
  const count = Atomics.load(counter, 0);
  const now = performance.now();
  if (count !== seen) {
    seen = count;
    seenAt = now;
    told = false;
  } else if (!told && now - seenAt >= stallMs) {
    told = true;
    tell(now - seenAt).catch(() => {});
  }
}, 100);

async function tell(blockedMs: number): Promise<void> {
  const { place, culprit } = await look();
  const whose =
    culprit === null
      ? 'by the code of no run'
      : `by ${culprit.step === undefined ? '' : `step "${culprit.step}" of `}run ${culprit.runId} (flow ${culprit.flow})`;
  const message = `The event loop has been blocked for ${(blockedMs / 1_000).toFixed(1)} s ${whose}, at ${place}. Nothing else moves until that ends.`;
  const { runId, ...names } = culprit ?? { runId: undefined };
  const line = `${JSON.stringify({
    level: 'ERROR',
    timestamp: new Date().toISOString(),
    ...names,
    run_id: runId,
    blocked_ms: Math.round(blockedMs),
    message,
  })}\n`;
  writeSync(fileDescriptor, format === 'json' ? line : readable(line));
}

interface Sight {
  readonly place: string;
  readonly culprit: Culprit | null;
}

/** Stops the main thread where it is, looks, and lets it go on. */
async function look(): Promise<Sight> {
  const inspector = await import('node:inspector/promises');
  const session = new inspector.Session();
  session.connectToMainThread();
  try {
    const paused = new Promise<Debugger.PausedEventDataType>((resolve) =>
      session.once('Debugger.paused', ({ params }) => resolve(params)),
    );
    await session.post('Debugger.enable');
    await session.post('Debugger.pause');
    const [frame] = (await paused).callFrames;
    if (frame === undefined) return { place: 'a place that is not known', culprit: null };
    return { place: placeOf(frame), culprit: await culpritAt(session, frame) };
  } finally {
    session.disconnect();
  }
}

function placeOf({ functionName, url, location }: Debugger.CallFrame): string {
  const file = url.replace(/^file:\/\//, '');
  return `${functionName || 'a function without a name'} (${file}:${location.lineNumber + 1})`;
}

async function culpritAt(session: Session, { callFrameId }: Debugger.CallFrame): Promise<Culprit | null> {
  const expression = `globalThis[Symbol.for(${JSON.stringify(whatExecutesName)})]?.()`;
  const { result } = await session.post('Debugger.evaluateOnCallFrame', {
    callFrameId,
    expression,
    returnByValue: true,
  });
  return typeof result.value === 'string' ? (JSON.parse(result.value) as Culprit | null) : null;
}
