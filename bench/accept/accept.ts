import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type LoadResult, runLoad } from '../load/load.ts';
import { endWithUs, removeFolder, stopProcess, temporaryFolder } from '../process/processes.ts';
import { askBody, authorization, type SignalboxOptions, startSignalbox } from '../process/signalbox.ts';
import { distinctQuestions } from '../questions.ts';
import { best, rounds } from '../rounds.ts';

export interface AcceptRound extends LoadResult {
  readonly peakMemoryMib: number;
  /** Conversations that were brought to their end meanwhile, per second, warm-up included. */
  readonly completedPerSecond: number;
}

export interface AcceptResult {
  readonly bare: LoadResult;
  /** The same parts with nothing of ours: Fastify, a schema, one synced insert. */
  readonly reference: LoadResult;
  /** Each accepted run is executed at once, on the same core. */
  readonly executing: AcceptRound;
  /** The agent takes a minute, so accepted runs wait. */
  readonly waiting: AcceptRound;
}

const connections = 64;
const warmUpMs = 1_000;

/** Alternating rounds; of each party the best one counts. */
export async function measureAccept(durationMs: number, dataFrom: string): Promise<AcceptResult> {
  const bodies = distinctQuestions().map((question) => askBody(question));
  const load = { path: '/webhook', headers: authorization, bodies, connections, warmUpMs, durationMs };
  const slow = new URL('slow-agent-server.ts', import.meta.url);
  const sample = await sampleResponse(bodies[0]!, dataFrom);
  const results: AcceptResult[] = [];
  for (let round = 0; round < rounds; round++) {
    const bare = await measureBare(load, sample);
    const reference = await measureReference(load, sample);
    const executing = await measureSignalbox(load, { dataFrom });
    const waiting = await measureSignalbox(load, { dataFrom, door: slow, warm: false });
    results.push({ bare, reference, executing, waiting });
  }
  return {
    bare: best(results.map(({ bare }) => bare)),
    reference: best(results.map(({ reference }) => reference)),
    executing: best(results.map(({ executing }) => executing)),
    waiting: best(results.map(({ waiting }) => waiting)),
  };
}

type Load = Omit<Parameters<typeof runLoad>[0], 'port'>;

async function measureSignalbox(load: Load, options: SignalboxOptions): Promise<AcceptRound> {
  const server = await startSignalbox(options);
  const result = await runLoad({ ...load, port: server.port }, 202);
  const peakMemoryMib = server.peakMemoryMib();
  const kept = await server.end();
  if (kept.accepted < result.sent) {
    throw new Error(`${result.sent} requests were answered 202, ${kept.accepted} are on the record.`);
  }
  const completedPerSecond = (kept.complete / (load.warmUpMs + load.durationMs)) * 1_000;
  return { ...result, peakMemoryMib, completedPerSecond };
}

interface Sample {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One answer of the product, for the bare server to give the same bytes. */
async function sampleResponse(body: string, dataFrom: string): Promise<Sample> {
  const server = await startSignalbox({ dataFrom });
  const headers = { 'content-type': 'application/json', ...authorization };
  const response = await fetch(`http://127.0.0.1:${server.port}/webhook`, { method: 'POST', headers, body });
  const own = ['date', 'connection', 'keep-alive'];
  const fields = [...response.headers].filter(([name]) => !own.includes(name));
  const sample = { headers: Object.fromEntries(fields), body: await response.text() };
  await server.end();
  return sample;
}

function measureBare(load: Load, { headers, body }: Sample): Promise<LoadResult> {
  return measureServer(load, 'bare-server.ts', [JSON.stringify([202, headers, body])]);
}

async function measureReference(load: Load, { body }: Sample): Promise<LoadResult> {
  const folder = temporaryFolder('reference');
  try {
    return await measureServer(load, 'reference-server.ts', [folder, body]);
  } finally {
    removeFolder(folder);
  }
}

/** Measures a server that sends its port once it listens. */
async function measureServer(load: Load, module: string, args: readonly string[]): Promise<LoadResult> {
  const execArgv = ['--disable-warning=ExperimentalWarning'];
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), args, { execArgv });
  endWithUs(child);
  const [port] = (await once(child, 'message')) as [number];
  try {
    return await runLoad({ ...load, port }, 202);
  } finally {
    await stopProcess(child);
  }
}
