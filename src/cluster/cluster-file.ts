import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { SignalboxError } from '../core/errors.ts';
import type { NodePorts } from './restate-nodes.ts';

/** What a cluster is made with once: its data know the ports, and PostgreSQL its password. */
export interface ClusterFile {
  readonly version: 1;
  readonly databasePassword: string;
  readonly webhookSecret: string;
  readonly ports: {
    readonly gateways: number;
    readonly workers: number;
    readonly postgres: number;
    readonly restate: readonly NodePorts[];
    readonly gateway: readonly number[];
    readonly worker: readonly { readonly http: number; readonly restate: number }[];
  };
}

export interface ClusterSize {
  readonly nodes: number;
  readonly gateways: number;
  readonly workers: number;
}

/** Reads what an earlier start in this folder has written, or makes and writes it. */
export async function clusterFile(folder: string, size: ClusterSize): Promise<ClusterFile> {
  const path = join(folder, 'cluster.json');
  if (existsSync(path)) return read(path);
  const made = await make(size);
  writeFileSync(path, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  return made;
}

function read(path: string): ClusterFile {
  const kept = JSON.parse(readFileSync(path, 'utf8')) as ClusterFile;
  if (kept.version === 1) return kept;
  throw new SignalboxError('config_invalid', `${path} was written by another version. Use another folder.`);
}

async function make({ nodes, gateways, workers }: ClusterSize): Promise<ClusterFile> {
  const free = await freePorts(3 + 3 * nodes + gateways + 2 * workers);
  const next = () => free.pop()!;
  const each = <T>(count: number, of: () => T) => Array.from({ length: count }, of);
  return {
    version: 1,
    databasePassword: randomBytes(18).toString('base64url'),
    webhookSecret: `whsec_${randomBytes(24).toString('base64')}`,
    ports: {
      gateways: next(),
      workers: next(),
      postgres: next(),
      restate: each(nodes, () => ({ fabric: next(), ingress: next(), admin: next() })),
      gateway: each(gateways, next),
      worker: each(workers, () => ({ http: next(), restate: next() })),
    },
  };
}

/** Ports that nothing listens on at the moment, all different. */
async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(probes.map((probe) => once(probe, 'listening')));
  const ports = probes.map((probe) => (probe.address() as { port: number }).port);
  await Promise.all(probes.map(close));
  return ports;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

/** The ports among these that something listens on. */
export async function portsInUse(ports: readonly number[]): Promise<number[]> {
  const used = await Promise.all(
    ports.map(async (port) => {
      const probe = createServer().listen(port, '127.0.0.1');
      const isFree = await once(probe, 'listening').then(
        () => true,
        () => false,
      );
      if (isFree) await close(probe);
      return isFree ? [] : [port];
    }),
  );
  return used.flat();
}
