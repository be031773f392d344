import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runLoad } from '../load/load.ts';
import {
  endWithUs,
  freePort,
  removeFolder,
  stopProcess,
  temporaryFolder,
  waitUntil,
} from '../process/processes.ts';
import type { Contender, ContenderSource } from './contender.ts';

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
  const folder = temporaryFolder('restate');
  const [ingress, admin, fabric] = [await freePort(), await freePort(), await freePort()];
  const server = startServer(folder, { ingress, admin, fabric });
  const ended = once(server, 'exit').then(([code]) => {
    throw new Error(`The Restate server ended with ${code}.`);
  });
  ended.catch(() => {});
  const isUp = async () => (await fetch(`http://127.0.0.1:${admin}/health`)).ok;
  await Promise.race([waitUntil('The Restate server', isUp), ended]);
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
      await Promise.all([stopProcess(endpoint.child), stopProcess(server)]);
      removeFolder(folder);
    },
  };
}

function startServer(
  folder: string,
  ports: { ingress: number; admin: number; fabric: number },
): ChildProcess {
  const config = join(folder, 'restate.toml');
  writeFileSync(config, configuration(folder, ports));
  const binary = `@restatedev/restate-server-${platform()}-${arch()}/bin/restate-server`;
  const path = createRequire(import.meta.url).resolve(binary);
  const child = spawn(path, ['--no-logo', '--config-file', config], { cwd: folder, stdio: 'ignore' });
  endWithUs(child);
  return child;
}

const configuration = (folder: string, { ingress, admin, fabric }: Record<string, number>) => `
cluster-name = "bench"
node-name = "bench-1"
force-node-id = 1
base-dir = ${JSON.stringify(folder)}
listen-mode = "tcp"
bind-ip = "127.0.0.1"
bind-port = ${fabric}
advertised-address = "http://127.0.0.1:${fabric}"
auto-provision = true
default-num-partitions = 8
disable-telemetry = true
log-filter = "error"
[ingress]
bind-ip = "127.0.0.1"
bind-port = ${ingress}
[admin]
bind-ip = "127.0.0.1"
bind-port = ${admin}
`;

async function startEndpoint(bidirectional: boolean): Promise<{ child: ChildProcess; port: number }> {
  const module = fileURLToPath(new URL('restate-endpoint.ts', import.meta.url));
  const child = fork(module, [String(bidirectional)], { env: { ...process.env, RESTATE_LOGGING: 'ERROR' } });
  endWithUs(child);
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

async function register(adminPort: number, endpointPort: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri: `http://127.0.0.1:${endpointPort}` }),
  });
  if (!response.ok) throw new Error(`Restate refused the endpoint: ${await response.text()}`);
}

async function call(ingressPort: number): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${ingressPort}/bench/fiveSteps`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '0',
  });
  return response.json();
}
