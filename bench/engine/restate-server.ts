import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import {
  endWithUs,
  freePort,
  peakMemoryMib,
  removeFolder,
  stopProcess,
  temporaryFolder,
  waitUntil,
} from '../process/processes.ts';

export interface RunningRestate {
  /** Ports. */
  readonly ingress: number;
  readonly admin: number;
  peakMemoryMib(): number;
  stop(): Promise<void>;
}

/** One node of Restate with 8 partitions and otherwise its default settings, on loopback. */
export async function startRestate(): Promise<RunningRestate> {
  const folder = temporaryFolder('restate');
  const [ingress, admin, fabric] = [await freePort(), await freePort(), await freePort()];
  const server = spawnServer(folder, { ingress, admin, fabric });
  const ended = once(server, 'exit').then(([code]) => {
    throw new Error(`The Restate server ended with ${code}.`);
  });
  ended.catch(() => {});
  const isUp = async () => (await fetch(`http://127.0.0.1:${admin}/health`)).ok;
  await Promise.race([waitUntil('The Restate server', isUp), ended]);
  return {
    ...{ ingress, admin },
    peakMemoryMib: () => peakMemoryMib(server.pid!),
    async stop() {
      await stopProcess(server);
      removeFolder(folder);
    },
  };
}

function spawnServer(
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

/** Tells Restate where handlers are. */
export async function register(adminPort: number, endpointPort: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri: `http://127.0.0.1:${endpointPort}` }),
  });
  if (!response.ok) throw new Error(`Restate refused the endpoint: ${await response.text()}`);
}
