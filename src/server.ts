import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { compose, type Signalbox } from './compose/compose.ts';
import { type Config, readConfig } from './config/config.ts';
import { checkRole } from './config/execution.ts';
import { messageOf, SignalboxError } from './core/errors.ts';
import { createRedactor } from './core/redact.ts';
import { keepFilesPrivate } from './data-folder.ts';
import { whatExecutes } from './engine/executing.ts';
import { createLog, type Log } from './observe/log.ts';
import { watchLoop } from './observe/loop-watch.ts';
import { startOptions } from './start-options.ts';

/** How long a process that has balancers before it is given to be seen as not ready. */
const drainMsOf = ({ drainMs, role }: Config): number => drainMs ?? (role === 'all' ? 0 : 3_000);
const lingerMs = 300;

/** Reads the configuration, starts everything, says where it is, and stops it when asked to. Ends the process when it can't. */
export async function startServer(args: readonly string[]): Promise<void> {
  try {
    const config = { ...readConfig(), ...startOptions(args) };
    checkRole(config);
    keepFilesPrivate();
    await start(config);
  } catch (error) {
    process.stderr.write(`Signalbox could not start. ${lineOf(error)}\n`);
    process.exit(1);
  }
}

async function start(config: Config): Promise<void> {
  const { text: redact } = createRedactor({ kinds: config.redact, fields: [] });
  const log = createLog({ level: config.logLevel, format: formatOf(config), redact });
  endOnUnforeseen(log);
  const signalbox = await compose(config, log);
  signalbox.lost.then((error) => endWith(log, 'Ending, because the data may not be on disk', error));
  const url = await listen(signalbox, config);
  signalbox.recover();
  stopOnSignals(signalbox, config, log);
  watchLoop({ whatExecutes, format: formatOf(config) });
  log.started({ url, dataDir: config.dataDir, startTimeMs: Math.round(performance.now()) });
  process.stderr.write(greeting(url, config, signalbox));
}

function formatOf(config: Config): 'json' | 'readable' {
  if (config.logFormat !== 'auto') return config.logFormat;
  return process.stdout.isTTY ? 'readable' : 'json';
}

async function listen({ app, stop }: Signalbox, { host, port }: Config): Promise<string> {
  try {
    await app.server.listen({ host, port });
  } catch (error) {
    await stop(0);
    throw new SignalboxError('config_invalid', listenProblem(error as NodeJS.ErrnoException, host, port));
  }
  const listening = app.server.server.address() as AddressInfo;
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${listening.port}`;
}

function listenProblem(error: NodeJS.ErrnoException, host: string, port: number): string {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} of ${host} is in use. Set PORT to another one (PORT=${port + 1} npm start), or stop what uses it.`,
    EACCES: `Port ${port} may not be used by this user. Set PORT to one above 1023.`,
    EADDRNOTAVAIL: `HOST is ${host}, which is no address of this machine.`,
    ENOTFOUND: `HOST is ${host}, which could not be looked up.`,
  };
  return reasons[error.code ?? ''] ?? `Listening on ${host}:${port} failed: ${error.message}.`;
}

function greeting(url: string, config: Config, { deliversTo, openTo }: Signalbox): string {
  if (config.role === 'worker') return workerGreeting(url, config);
  const elsewhere = url === 'http://127.0.0.1:8080' ? '' : ` --url ${url}`;
  const key = openTo().startsWith('this machine') ? '' : ' -H "Authorization: Bearer $SIGNALBOX_API_KEY"';
  const answers =
    deliversTo.length > 0
      ? deliversTo.join(', ')
      : 'nowhere yet: set WEBHOOK_URL (bin/signalbox listen is a receiver to try it with)';
  const access = openTo();
  return `
  Signalbox is ready at ${url}

  Ask       bin/signalbox ask${elsewhere} "What deals are closing this quarter?"
            curl -s ${url}/webhook -H 'Content-Type: application/json'${key} -d '{"query":"What deals are closing this quarter?","source_system":"terminal","source_process":"curl","timestamp":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"}'
  Answers   ${answers}
  Data      ${config.dataDir}
  Open to   ${access}

`;
}

function workerGreeting(url: string, config: Config): string {
  const { workerHost, workerPort, workerUrl = `http://${workerHost}:${workerPort}` } = config;
  return `
  A worker of Signalbox is ready

  Health    ${url}/health
  Restate   calls it at ${workerUrl}
  Data      ${config.dataDir}

`;
}

/** The first signal lets requests and runs come to a resting point; the second ends the process at once. */
function stopOnSignals(signalbox: Signalbox, config: Config, log: Log): void {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      stop(signalbox, config, log, signal).then(
        () => process.exit(0),
        (error) => endWith(log, 'Stopping failed', error),
      );
    });
  }
}

async function stop(signalbox: Signalbox, config: Config, log: Log, reason: string): Promise<void> {
  const { app, stop: stopParts } = signalbox;
  log.stopping({ reason });
  app.drain();
  await new Promise((resolve) => setTimeout(resolve, drainMsOf(config)));
  const deadline = performance.now() + config.stopWithinMs;
  setTimeout(() => process.exit(1), config.stopWithinMs).unref();
  app.stopAccepting();
  await letConnectionsGo(app.server.server);
  const closed = app.server.close();
  const forRequestsMs = config.stopWithinMs * 0.4;
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, forRequestsMs).unref())]);
  app.server.server.closeAllConnections();
  await stopParts(Math.max(0, deadline - performance.now() - 1_000));
  log.stopped({ running: 0 });
  log.flush();
}

/**
 * A kept connection that is closed while its next request is on the way looks broken to the sender. So for a moment every
 * request is still answered (503, with `Connection: close`); what is open then is idle.
 */
async function letConnectionsGo(server: Server): Promise<void> {
  const connections = await new Promise<number>((resolve) =>
    server.getConnections((error, count) => resolve(error === null ? count : 0)),
  );
  if (connections > 0) await new Promise((resolve) => setTimeout(resolve, lingerMs));
}

/** What nobody foresaw may have left anything half done in memory; what is durable is whole, so ending is safe. */
function endOnUnforeseen(log: Log): void {
  process.on('uncaughtException', (error) => endWith(log, 'Uncaught exception', error));
  process.on('unhandledRejection', (error) => endWith(log, 'Unhandled rejection', error));
}

function endWith(log: Log, message: string, error: unknown): never {
  log.failed(message, error);
  log.flush();
  process.exit(1);
}

function lineOf(error: unknown): string {
  if (error instanceof SignalboxError || isParseError(error)) return messageOf(error);
  return `This was not foreseen: ${messageOf(error)}`;
}

/** What `parseArgs` throws at options that it does not know. */
const isParseError = (error: unknown): boolean =>
  String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
