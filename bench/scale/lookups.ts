import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { Connection, getRequest } from '../load/http-client.ts';
import { authorization, startSignalbox } from '../process/signalbox.ts';
import { idOf } from './fill.ts';

/** One look-up over HTTP, in milliseconds, in a small file and in a large one. */
export interface Lookup {
  readonly name: string;
  readonly smallMs: number;
  readonly largeMs: number;
}

export interface Filled {
  readonly folder: string;
  readonly count: number;
}

/** Each asks for something anywhere: `n` is the number of a run or conversation. */
const lookups: Readonly<Record<string, (n: number, count: number) => string>> = {
  'GET /webhook/{id}': (n) => `/webhook/${idOf(n)}`,
  'GET /runs/{id}, with its history': (n) => `/runs/${idOf(n)}`,
  'GET /conversations': () => '/conversations?limit=50',
  'GET /conversations of a source from anywhere': (n) =>
    `/conversations?limit=50&source_system=bench%20${n % 50}&after=${sometime()}.1`,
  'GET /runs from anywhere': (n, count) => `/runs?limit=50&after=${fullPage(n, count)}`,
  'GET /dead-letters': () => '/dead-letters?limit=50',
  'GET /dead-letters from anywhere': (n, count) => `/dead-letters?limit=50&after=${fullPage(n, count)}`,
};
/** Somewhere in the later half: behind it is a page of 50 of anything, also where there are few. */
const fullPage = (n: number, count: number) => Math.ceil((n + count) / 2);

/** Conversations are those of the last 60 days. */
const sometime = () => Date.now() - Math.floor(Math.random() * 30 * 86_400_000);

const batches = 150;
const perBatch = 50;

/**
 * Asks two servers in turn, one request at a time. The best of many short batches counts, as in the other parts: whatever else the
 * machine does only slows things down.
 */
export async function measureLookups(small: Filled, large: Filled, warehouse: string): Promise<Lookup[]> {
  const sides = await Promise.all([small, large].map((filled) => open(filled, warehouse)));
  const measured: Lookup[] = [];
  for (const [name, pathOf] of Object.entries(lookups)) {
    const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let batch = 0; batch < batches; batch++) {
      for (const [at, side] of sides.entries()) best[at] = Math.min(best[at]!, await side.batch(pathOf));
    }
    measured.push({ name, smallMs: best[0]!, largeMs: best[1]! });
  }
  for (const side of sides) await side.close();
  return measured;
}

async function open({ folder, count }: Filled, warehouse: string) {
  cpSync(join(warehouse, 'warehouse.duckdb'), join(folder, 'warehouse.duckdb'));
  const server = await startSignalbox({ dataDir: folder, warm: false });
  const connection = new Connection(server.port);
  const ask = async (path: string) => {
    const { status } = await connection.send(getRequest(path, authorization));
    if (status !== 200) throw new Error(`GET ${path} was answered with ${status}.`);
  };
  return {
    async batch(pathOf: (n: number, count: number) => string): Promise<number> {
      const begun = performance.now();
      for (let n = 0; n < perBatch; n++) await ask(pathOf(Math.ceil(Math.random() * count), count));
      return (performance.now() - begun) / perBatch;
    },
    async close(): Promise<void> {
      connection.close();
      await server.end('SIGTERM');
    },
  };
}
