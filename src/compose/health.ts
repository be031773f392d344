import { statfs } from 'node:fs/promises';
import type { Agent } from '../agents/agent.ts';
import type { Config } from '../config/config.ts';
import { messageOf } from '../core/errors.ts';
import { safeUrl } from '../core/safe-url.ts';
import { HealthCheck } from '../http/health/check.ts';
import type { Integrations } from '../http/health/integrations.ts';
import { type HealthSources, healthProbes } from '../http/health/parts.ts';
import type { HealthPart } from '../http/ports.ts';
import type { Objects } from '../objects/objects.ts';
import { AgentOutcomes } from '../observe/agent-outcomes.ts';
import type { Notifying } from './alarms.ts';
import type { WatchedObjects } from './objects.ts';
import type { Traces } from './observe.ts';
import type { ComposedRecord } from './record.ts';

export interface HealthParts extends Pick<HealthSources, 'engine' | 'queueLimit' | 'workspace' | 'breakers'> {
  readonly engineProblem: NonNullable<HealthSources['engineProblem']>;
  readonly record: ComposedRecord;
  readonly objects: Objects;
  readonly watched: WatchedObjects;
  /** Absent where other processes answer the questions. */
  readonly agent?: Agent;
  /** Absent where other processes tell people. */
  readonly notifying?: Notifying;
  readonly issuers?: Integrations['issuers'] | undefined;
  readonly traces?: Pick<Traces, 'problem'> | undefined;
}

/** What `/health` and the probes look at. Those ask for what is essential alone, which nothing elsewhere holds up that is not. */
export function openHealth(
  config: Config,
  parts: HealthParts,
): Record<'health' | 'essentials', () => Promise<readonly HealthPart[]>> {
  const { record, objects, watched, agent, notifying, issuers, traces, ...rest } = parts;
  const { dataDir } = config;
  const outcomes = agent && new AgentOutcomes(agent.name);
  if (outcomes) record.live.subscribeAll((event) => outcomes.recorded(event));
  const probes = healthProbes({
    ...rest,
    record,
    store: record.store,
    ...(outcomes && { agent: outcomes, reachAgent: reachOf(agent) }),
    integrations: {
      ...(issuers && { issuers }),
      ...(notifying?.notifiers.length && { notifications: () => notifying.outcomes.latest() }),
      ...(traces && { collectorProblem: () => traces.problem() }),
    },
    objectsProblem: () => watched.problem(),
    ...(!watched.inBucket && { readObjects: () => objects.list('health/', 1) }),
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(dataDir);
      return bavail * bsize;
    },
  });
  const whole = new HealthCheck(probes);
  const essential = new HealthCheck(probes.filter((probe) => probe.essential));
  return { health: () => whole.parts(), essentials: () => essential.parts() };
}

const reachWithinMs = 1_500;

/** Any answer will do: what it says of questions is seen when they are asked. */
function reachOf({ url }: Agent): (() => Promise<unknown>) | undefined {
  if (url === undefined) return undefined;
  const live = `${url.replace(/\/agents\/[^/]*$/, '')}/health/live`;
  return async () => {
    try {
      const response = await fetch(live, {
        redirect: 'manual',
        signal: AbortSignal.timeout(reachWithinMs),
      });
      await response.body?.cancel();
    } catch (error) {
      const reason = messageOf((error as Error).cause ?? error);
      throw new Error(`Nobody answers at ${safeUrl(live)}: ${reason}.`, { cause: error });
    }
  };
}
