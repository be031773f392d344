import type { Config } from '../config/config.ts';
import { restateSettings } from '../config/execution.ts';
import { EmbeddedEngine } from '../engine/embedded/engine.ts';
import { steadyClock } from '../engine/embedded/steady-clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { Flow } from '../engine/flow.ts';
import type { ForgetRuns } from '../engine/forget.ts';
import type { RestateEngine } from '../engine/restate/engine.ts';
import { type KnownRuns, ValueSweep } from '../engine/value-sweep.ts';
import type { EngineProblem, HealthSources } from '../http/health/parts.ts';
import type { Objects } from '../objects/objects.ts';
import type { Log } from '../observe/log.ts';
import { openLambda } from './lambda.ts';
import { engineLines } from './observe.ts';
import type { ComposedRecord } from './record.ts';

export interface ComposedEngine {
  readonly engine: Engine & { readonly knownRuns: KnownRuns; readonly forgetRuns: ForgetRuns };
  /** Takes up the runs that an earlier process left, and begins what goes on in the background. */
  begin(): void;
  /** Ends what goes on in the background. */
  rest(): void;
  readonly problem: NonNullable<HealthSources['engineProblem']>;
}

export interface EngineParts {
  readonly log: Log;
  readonly record: ComposedRecord;
  readonly objects: Objects;
  readonly flows: readonly Flow<never>[];
}

/** Whether runs execute in this process. With Lambda they execute in a function, whatever the process does. */
export const executesHere = ({ role, engine }: Config): boolean => role !== 'gateway' && engine !== 'lambda';

const openers = { embedded: openEmbedded, restate: openRestate, lambda: openLambda };

/** The engine that the configuration names. Large values of runs that are gone are removed by whoever looks after runs. */
export async function openEngine(config: Config, parts: EngineParts): Promise<ComposedEngine> {
  const { begin, rest, ...opened } = await openers[config.engine](config, parts);
  if (!executesHere(config) && config.engine !== 'lambda') return { ...opened, begin, rest };
  const sweep = createValueSweep(parts, opened.engine);
  return {
    ...opened,
    begin: () => {
      begin();
      sweep.begin();
    },
    rest: () => {
      sweep.stop();
      rest();
    },
  };
}

const tellSetBack = (behindMs: number) =>
  `The system's clock was set back by ${Math.round(behindMs / 1_000)} s. What waits goes on by the time that passes; after the next start it may wait for as much longer.`;

async function openEmbedded(
  { queueLimit, parkAfterCrashes }: Config,
  { log, record: { file }, objects, flows }: EngineParts,
): Promise<ComposedEngine> {
  const options = { objects, queueLimit, parkAfterCrashes, observer: engineLines(log) };
  const clock = steadyClock({ onSetBack: (behindMs) => log.warning(tellSetBack(behindMs)) });
  const engine = new EmbeddedEngine({ ...file!, flows, ...options, clock, wallClock: Date.now });
  return { engine, begin: () => engine.recover(), rest: () => {}, problem: async () => undefined };
}

async function openRestate(
  config: Config,
  { log, record: { store }, objects, flows }: EngineParts,
): Promise<ComposedEngine> {
  const settings = restateSettings(config);
  // With its SDK, which is not loaded for nothing.
  const restate = await import('../engine/restate/engine.ts');
  const engine = new restate.RestateEngine({
    ...settings,
    executes: executesHere(config),
    objects,
    flows,
    appendFacts: store.append,
    observer: engineLines(log),
    onWarning: (message) => log.warning(message),
  });
  await engine.open();
  return { engine, begin: () => {}, rest: () => {}, problem: () => problemOf(engine, config) };
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

const valueSweepMs = 3_600_000;

/** Large values of runs that are gone. Their first sweep removes nothing: see `ValueSweep`. */
function createValueSweep({ log, objects }: EngineParts, engine: ComposedEngine['engine']) {
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
