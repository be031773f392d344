import type { Agent } from '../agents/agent.ts';
import type { Config } from '../config/config.ts';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { makeDataFolder, opennessOf } from '../data-folder.ts';
import { guessType } from '../flows/query/classify.ts';
import { type App, buildApp } from '../http/app.ts';
import type { Log } from '../observe/log.ts';
import { Profiler } from '../observe/profiler.ts';
import { ProcessingTimeEstimator } from '../record/estimate.ts';
import { followLog } from '../record/feed/follow.ts';
import { LogTail } from '../record/feed/tail.ts';
import { follow } from '../record/live.ts';
import { type FolderLock, lockFolder } from '../sqlite/folder-lock.ts';
import { asStorageFailure } from '../sqlite/storage-failure.ts';
import { withFileSources } from '../store/file-sources.ts';
import { version } from '../version.ts';
import { createAlarms } from './alarms.ts';
import { openContent } from './encryption.ts';
import { executesHere, openEngine } from './engine.ts';
import { createErasing, eraseAfterRestore } from './erasing.ts';
import { openFlows } from './flows.ts';
import { openHealth } from './health.ts';
import { openIdentity } from './identity.ts';
import { openObjects } from './objects.ts';
import { createMetrics, createMetricsPort, openWatching } from './observe.ts';
import { openRecord } from './record.ts';
import { createRotation } from './rotation.ts';
import { readSources } from './sources.ts';

export interface Signalbox {
  readonly app: App;
  readonly deliversTo: readonly string[];
  /** Who may call, in a few words. */
  openTo(): string;
  /** Resolves when the disk did not confirm a write: only another process can go on, from what is on disk. */
  readonly lost: Promise<Error>;
  /** Takes up the runs that an earlier process left. */
  recover(): void;
  /** Finishes or suspends what runs, for at most `graceMs`, and lets go of the data folder. */
  stop(graceMs: number): Promise<void>;
}

const tailFailed = 'Those who follow the log are behind, as it cannot be read; it is tried again';

/**
 * Puts the parts together on one data folder: the only place that knows which adapter stands behind which port.
 * Without another agent the analyst answers.
 */
export async function compose(config: Config, log: Log, agent?: Agent): Promise<Signalbox> {
  const lock = lockDataDir(config.dataDir);
  try {
    return await composeIn(config, log, lock, agent);
  } catch (error) {
    lock.release();
    throw asStorageFailure(error);
  }
}

function lockDataDir(dataDir: string): FolderLock {
  makeDataFolder(dataDir);
  try {
    return lockFolder(dataDir);
  } catch (error) {
    if (error instanceof SignalboxError) throw error;
    const message = `SIGNALBOX_DATA_DIR is ${dataDir}, which cannot be used: ${messageOf(error)}.`;
    throw new SignalboxError('config_invalid', message, { cause: error });
  }
}

async function composeIn(config: Config, log: Log, lock: FolderLock, other?: Agent): Promise<Signalbox> {
  const openness = opennessOf(config.dataDir);
  if (openness !== undefined) log.warning(openness);
  if (!config.verifiesWebhooks) {
    log.warning('VERIFY_WEBHOOK_SIGNATURE is false: whoever reaches this server may send webhooks.');
  }
  const fileSources = readSources(config);
  const content = await openContent(config);
  const opening = await openObjects(config, log, content);
  const { objects, stored, exports, watched, close: closeObjects } = opening;
  const record = await openRecord(config, log, content);
  const rotation = await createRotation(log, { content, record, stored });
  const { store, live, rateLimits } = record;
  const identity = await openIdentity(config, log, store);
  const executes = executesHere(config);
  const metrics = createMetrics(config, log, live);
  const watching = await openWatching(config, log, metrics);
  const opened = openFlows(config, { log, store, exports, metrics, watching, executes, agent: other });
  const { flows, agents, workspace, agent, redact, today, breakers, deliversTo } = opened;
  const erasing = createErasing({ store, objects, exports, engine: () => engine });
  const composed = await openEngine(config, {
    log,
    record,
    objects,
    flows: [...Object.values(flows), erasing.flow],
  });
  const { engine, problem } = composed;
  const afterRestore = eraseAfterRestore(config, log, erasing, { store, engine });
  const alarms = createAlarms(config, log, record, { engine, watched }, opened.notifying);
  const estimator = new ProcessingTimeEstimator(store);
  await estimator.refresh();
  const { queueLimit } = config;
  const circuits = { open: () => [...breakers.open(), ...watched.open()] };
  const observed = { metrics, engine, store, breakers: circuits, alarms: alarms.port };
  const metricsPort = createMetricsPort(config, observed);
  const tail = new LogTail({ log: store, live, onError: (error) => log.failed(tailFailed, error) });
  const app = await buildApp({
    engine,
    store: withFileSources(store, config.sourcesFile, fileSources),
    callers: identity.callers,
    rateLimits,
    log,
    agents,
    queryFlow: flows.query,
    exportFlow: flows.exporting,
    eraseFlow: erasing.flow,
    erasures: erasing.erasures,
    redact,
    guessType,
    estimate: (type) => estimator.estimate(type),
    follow: (trackingId, options) => follow({ store, live }, trackingId, options),
    followLog: (selection, options) => followLog({ store, tail }, selection, options),
    ...openHealth(config, {
      ...{ record, engine, engineProblem: problem, objects, watched, breakers, queueLimit },
      ...(executes && { workspace, agent, notifying: opened.notifying }),
      ...{ issuers: identity.issuers, traces: watching.traces },
    }),
    metrics: metricsPort,
    alarms: alarms.port,
    traces: watching.traces?.tracer,
    stepTimes: executes ? watching.stepTimes : undefined,
    encryption: rotation,
    profiler: new Profiler(),
    about: async () => ({
      // A warehouse that can't be read leaves the page to its readers; health says what is wrong with it.
      ...(executes && (await workspace.describe().catch(() => ({ tables: [], demo: false })))),
      version,
      today: today(),
      agent: agent.name,
      deliversTo,
    }),
    options: { ...config, servesHealthAlone: config.role === 'worker' },
  });
  const begin = () => {
    composed.begin();
    record.begin();
    rotation.begin();
    identity.begin();
    alarms.begin();
    afterRestore.begin();
  };
  const stop = async (graceMs: number) => {
    await rotation.stop();
    record.rest();
    afterRestore.rest();
    composed.rest();
    metricsPort.close();
    await alarms.stop();
    await engine.stop(graceMs);
    await identity.close();
    await Promise.all([opened.close(), watching.traces?.flush(500)]);
    await record.close();
    closeObjects();
    lock.release();
  };
  return { app, deliversTo, openTo: identity.describe, lost: record.lost, recover: begin, stop };
}
