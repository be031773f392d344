import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Agent } from './agents/agent.ts';
import { createAnalyst } from './agents/analyst/analyst.ts';
import { openIdentity } from './compose-identity.ts';
import { openObjects } from './compose-objects.ts';
import { createMetrics, createMetricsPort } from './compose-observe.ts';
import { type ComposedRecord, openRecord } from './compose-record.ts';
import { type Config, endpointSettings, restateSettings } from './config.ts';
import { messageOf, SignalboxError } from './core/errors.ts';
import { createRedactor } from './core/redact.ts';
import { safeUrl } from './core/safe-url.ts';
import { makeDataFolder, opennessOf } from './data-folder.ts';
import { EmbeddedEngine } from './engine/embedded/engine.ts';
import { steadyClock } from './engine/embedded/steady-clock.ts';
import type { Engine } from './engine/engine.ts';
import type { Flow } from './engine/flow.ts';
import type { EngineObserver } from './engine/observer.ts';
import type { RestateEngine } from './engine/restate/engine.ts';
import { type KnownRuns, ValueSweep } from './engine/value-sweep.ts';
import { guessType } from './flows/query/classify.ts';
import { createDeliveryFlow } from './flows/query/delivery.ts';
import { createExportFlow, type ExportFlow } from './flows/query/export.ts';
import { createQueryFlow } from './flows/query/query.ts';
import { type App, buildApp } from './http/app.ts';
import { checkHealth, type EngineProblem, type HealthSources } from './http/health.ts';
import type { About } from './http/ports.ts';
import type { Objects } from './objects/objects.ts';
import type { Log } from './observe/log.ts';
import type { Metrics } from './observe/metrics/metrics.ts';
import { CircuitBreakers } from './outbound/breaker.ts';
import { endpointsFrom } from './outbound/endpoints.ts';
import { webhookSecrets } from './outbound/secrets.ts';
import { createSender } from './outbound/send.ts';
import { createSigner } from './outbound/sign.ts';
import { ProcessingTimeEstimator } from './record/estimate.ts';
import { webhookTypes } from './record/events.ts';
import { follow } from './record/live.ts';
import { conversationRedactor } from './record/redact.ts';
import { asStorageFailure } from './sqlite/database.ts';
import { type FolderLock, lockFolder } from './sqlite/folder-lock.ts';
import type { Store } from './store/store.ts';
import { CachingWarehouse } from './tools/warehouse/caching.ts';
import { createDemoWarehouse } from './tools/warehouse/demo/demo.ts';
import { DuckDbWarehouse } from './tools/warehouse/duckdb/duckdb-warehouse.ts';
import { demoSource, metaTable } from './tools/warehouse/layout.ts';
import { MeasuredWarehouse } from './tools/warehouse/measured.ts';
import type { Warehouse } from './tools/warehouse/warehouse.ts';
import { version } from './version.ts';

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
  const { objects, exports, problem: objectsProblem, close: closeObjects } = await openObjects(config, log);
  const record = await openRecord(config, log);
  const { store, live, rateLimits } = record;
  const identity = await openIdentity(config, log, store);
  const executes = config.role !== 'gateway';
  const metrics = createMetrics(config, log, live);
  const workspace = openWorkspace(config, log, executes, metrics);
  const today = () => todayOf(config);
  const analyst = createAnalyst({ warehouse: workspace.warehouse, today });
  const agent = whenPrepared(other ?? analyst, workspace.prepared);
  const redact = conversationRedactor(createRedactor({ kinds: config.redact, fields: config.redactFields }));
  const exporting = createExportFlow({ store, objects: exports, redact, log });
  const { flows, sender, breakers, deliversTo } = createFlows(config, log, store, agent, exporting);
  const parts = { log, record, objects, flows: Object.values(flows) };
  const { engine, recover, problem } = await createEngine(config, parts);
  const valueSweep = createValueSweep(log, objects, engine);
  const estimator = new ProcessingTimeEstimator(store);
  await estimator.refresh();
  const { queueLimit } = config;
  const metricsPort = createMetricsPort(config, { metrics, engine, store, breakers });
  const app = await buildApp({
    engine,
    store,
    callers: identity.callers,
    rateLimits,
    log,
    queryFlow: flows.query,
    exportFlow: flows.exporting,
    redact,
    guessType,
    estimate: (type) => estimator.estimate(type),
    follow: (trackingId, options) => follow({ store, live }, trackingId, options),
    health: () =>
      checkHealth({
        ...{ record, engine, engineProblem: problem, objectsProblem, store, breakers, queueLimit },
        ...(executes && { workspace }),
      }),
    metrics: metricsPort,
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
    recover();
    record.begin();
    identity.begin();
    if (executes) valueSweep.begin();
  };
  const stop = async (graceMs: number) => {
    record.rest();
    valueSweep.stop();
    metricsPort.close();
    await engine.stop(graceMs);
    await identity.close();
    await Promise.all([sender.close(), workspace.warehouse.close()]);
    await record.close();
    closeObjects();
    lock.release();
  };
  return { app, deliversTo, openTo: identity.describe, lost: record.lost, recover: begin, stop };
}

const valueSweepMs = 3_600_000;

/** Large values of runs that are gone. Their first sweep removes nothing: see `ValueSweep`. */
function createValueSweep(log: Log, objects: Objects, engine: ComposedEngine['engine']) {
  const values = new ValueSweep(objects, (runIds) => engine.knownRuns(runIds));
  const sweep = () =>
    values.sweep().then(
      (removed) => removed > 0 && log.retentionRemoved({ 'large values': removed }),
      (error) => log.failed('Large values of runs that are gone could not be removed', error),
    );
  let timer: NodeJS.Timeout | undefined;
  const begin = () => {
    timer = setInterval(sweep, valueSweepMs).unref();
  };
  return { begin, stop: () => clearInterval(timer) };
}

interface ComposedEngine {
  readonly engine: Engine & { readonly knownRuns: KnownRuns };
  /** Takes up the runs that an earlier process left. */
  recover(): void;
  problem: NonNullable<HealthSources['engineProblem']>;
}

interface EngineParts {
  readonly log: Log;
  readonly record: ComposedRecord;
  readonly objects: Objects;
  readonly flows: readonly Flow<never>[];
}

const tellSetBack = (behindMs: number) =>
  `The system's clock was set back by ${Math.round(behindMs / 1_000)} s. What waits goes on by the time that passes; after the next start it may wait for as much longer.`;

async function createEngine(
  config: Config,
  { log, record: { store, file }, objects, flows }: EngineParts,
): Promise<ComposedEngine> {
  const observer = engineLines(log);
  if (config.engine === 'embedded') {
    const { queueLimit } = config;
    const options = { objects, queueLimit, observer, parkAfterCrashes: config.parkAfterCrashes };
    const clock = steadyClock({ onSetBack: (behindMs) => log.warning(tellSetBack(behindMs)) });
    const engine = new EmbeddedEngine({ ...file!, flows, ...options, clock, wallClock: Date.now });
    return { engine, recover: () => engine.recover(), problem: async () => undefined };
  }
  const settings = restateSettings(config);
  // With its SDK, which is not loaded for nothing.
  const restate = await import('./engine/restate/engine.ts');
  const onWarning = (message: string) => log.warning(message);
  const appendFacts = store.append;
  const executes = config.role !== 'gateway';
  const engine = new restate.RestateEngine({
    ...settings,
    executes,
    objects,
    flows,
    appendFacts,
    observer,
    onWarning,
  });
  await engine.open();
  return { engine, recover: () => {}, problem: () => problemOf(engine, config) };
}

/**
 * What is wrong with Restate, as seen from here. A worker is ready all the same, as Restate calls it; and so is a process whose
 * worker port is behind a balancer, which lets Restate through only to who is ready, also for telling it where we are.
 */
async function problemOf(
  engine: RestateEngine,
  { role, workerUrl }: Config,
): Promise<EngineProblem | undefined> {
  const isWorker = role === 'worker';
  const problem = await engine.problem();
  if (problem !== undefined) return { detail: problem, status: isWorker ? 'DEGRADED' : 'DOWN' };
  const { registrationProblem: detail } = engine;
  const isPassing = isWorker || workerUrl !== undefined;
  return detail === undefined ? undefined : { detail, status: isPassing ? 'DEGRADED' : 'DOWN' };
}

function createFlows(config: Config, log: Log, store: Store, agent: Agent, exporting: ExportFlow) {
  const endpointOf = endpointsFrom(endpointSettings(config));
  const sender = createSender(config.outboundAllow === undefined ? {} : { allow: config.outboundAllow });
  const breakers = new CircuitBreakers();
  const delivery = createDeliveryFlow({
    store,
    endpointOf,
    sign: createSigner(webhookSecrets(config.webhookSecrets, config.dataDir)),
    sender,
    breakers,
    log,
    exportsConversations: config.exportConversations,
    exportFlow: exporting,
  });
  const query = createQueryFlow({ agent, store, delivery, log });
  const urls = webhookTypes.flatMap((type) => endpointOf(type)?.url ?? []);
  const deliversTo = [...new Set(urls)].map(safeUrl);
  return { flows: { query, delivery, exporting }, sender, breakers, deliversTo };
}

/** What the engine says, as log lines. */
const engineLines = (log: Log): EngineObserver => ({
  runFailed: (flow, runId, message) =>
    log.failed(`A run of the flow ${flow} failed`, message, { run_id: runId }),
  runPaused: (runId, message) => log.failed('A run is paused', message, { run_id: runId }),
  storageFailed: (error) => log.failed('The data could not be written', error),
});

export interface Workspace {
  readonly warehouse: Warehouse;
  /** Resolves once there is data to ask about; rejects when the demo workspace could not be made. */
  readonly prepared: Promise<void>;
  describe(): Promise<Required<Pick<About, 'tables' | 'demo'>>>;
}

/** The warehouse of the data folder; where there is none, the demo workspace is made while a process starts that needs it. */
function openWorkspace(config: Config, log: Log, isNeeded: boolean, metrics: Metrics): Workspace {
  const path = join(config.dataDir, 'warehouse.duckdb');
  const prepared =
    existsSync(path) || !isNeeded
      ? Promise.resolve()
      : createDemoWarehouse(path, { seed: 1, today: todayOf(config) });
  prepared.catch((error) => log.failed('The demo workspace could not be made', error));
  const duckDb = new MeasuredWarehouse(new DuckDbWarehouse(path), (operation) => metrics.operated(operation));
  const warehouse = new CachingWarehouse(duckDb);
  const describe = async () => {
    const tables = await warehouse.tables();
    const filled = tables.filter(({ name, rowCount }) => rowCount > 0 && name !== metaTable);
    const { rows } = await warehouse.query(`SELECT DISTINCT source FROM ${metaTable}`);
    return { tables: filled, demo: rows.length > 0 && rows.every((row) => row.source === demoSource) };
  };
  return { warehouse, prepared, describe };
}

/** A question that comes while the demo workspace is being made waits for it. */
function whenPrepared(agent: Agent, prepared: Promise<void>): Agent {
  return {
    name: agent.name,
    async answer(question) {
      await prepared;
      return agent.answer(question);
    },
  };
}

const todayOf = (config: Config): string => config.today ?? new Date().toISOString().slice(0, 10);
