import { statfs } from 'node:fs/promises';
import type { Agent } from '../agents/agent.ts';
import type { Config } from '../config/config.ts';
import { HealthCheck } from '../http/health/check.ts';
import { type HealthSources, healthProbes } from '../http/health/parts.ts';
import type { HealthPart } from '../http/ports.ts';
import type { Objects } from '../objects/objects.ts';
import { AgentOutcomes } from '../observe/agent-outcomes.ts';
import type { ComposedRecord } from './record.ts';

export interface HealthParts
  extends Pick<HealthSources, 'engine' | 'queueLimit' | 'objectsProblem' | 'workspace' | 'breakers'> {
  readonly engineProblem: NonNullable<HealthSources['engineProblem']>;
  readonly record: ComposedRecord;
  readonly objects: Objects;
  /** Absent where other processes answer the questions. */
  readonly agent?: Agent;
}

/** What `/health` and the probes look at. */
export function openHealth(config: Config, parts: HealthParts): () => Promise<readonly HealthPart[]> {
  const { record, objects, agent, ...rest } = parts;
  const { dataDir } = config;
  const outcomes = agent && new AgentOutcomes(agent.name);
  if (outcomes) record.live.subscribeAll((event) => outcomes.recorded(event));
  const check = new HealthCheck(
    healthProbes({
      ...rest,
      record,
      store: record.store,
      ...(outcomes && { agent: outcomes }),
      ...(rest.objectsProblem === undefined && { readObjects: () => objects.list('health/', 1) }),
      freeBytes: async () => {
        const { bavail, bsize } = await statfs(dataDir);
        return bavail * bsize;
      },
    }),
  );
  return () => check.parts();
}
