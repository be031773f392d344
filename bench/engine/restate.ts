import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { runLoad } from '../load/load.ts';
import { endWithUs, stopProcess, waitUntil } from '../process/processes.ts';
import type { Contender, ContenderSource } from './contender.ts';
import { register, startRestate } from './restate-server.ts';

const durability =
  'one node with 8 partitions and otherwise its default settings, fsync of its RocksDB logs included';

/** As a process has to run it that holds many waiting runs: each step is a request of its own. */
export const restateByRequest: ContenderSource = {
  name: 'Restate 1.7, request/response',
  durability,
  start: () => start(false),
};

/** One stream for a run. Faster, but each waiting run holds a place on the server. */
export const restateByStream: ContenderSource = {
  name: 'Restate 1.7, bidirectional',
  durability,
  start: () => start(true),
};

async function start(bidirectional: boolean): Promise<Contender> {
  const { ingress, admin, stop } = await startRestate();
  const endpoint = await startEndpoint(bidirectional);
  await register(admin, endpoint.port);
  await waitUntil('The service in Restate', async () => (await call(ingress)) === 5);
  return {
    measure: (job) =>
      runLoad(
        {
          ...job,
          connections: job.atOnce,
          port: ingress,
          path: '/bench/fiveSteps',
          headers: {},
          bodies: ['0'],
        },
        200,
      ),
    async stop() {
      await Promise.all([stopProcess(endpoint.child), stop()]);
    },
  };
}

async function startEndpoint(bidirectional: boolean): Promise<{ child: ChildProcess; port: number }> {
  const module = fileURLToPath(new URL('restate-endpoint.ts', import.meta.url));
  const child = fork(module, [String(bidirectional)], { env: { ...process.env, RESTATE_LOGGING: 'ERROR' } });
  endWithUs(child);
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

async function call(ingressPort: number): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${ingressPort}/bench/fiveSteps`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '0',
  });
  return response.json();
}
