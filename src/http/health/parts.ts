import { safeUrl } from '../../core/safe-url.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Store } from '../../store/store.ts';
import type { HealthPart, HealthStatus } from '../ports.ts';
import { type Integrations, integrationProbes } from './integrations.ts';

export interface EngineProblem {
  readonly detail: string;
  readonly status: HealthStatus;
}

/** What is looked at. */
export interface HealthSources {
  /** What keeps it from taking writes, if anything does. */
  readonly record: { problem(): Promise<Error | undefined> };
  readonly engine: Pick<Engine, 'stats'>;
  /** What is wrong with the engine, if anything is. */
  readonly engineProblem?: () => Promise<EngineProblem | undefined>;
  readonly queueLimit: number;
  /** What keeps the objects from being used, as far as is known. */
  readonly objectsProblem?: (() => { readonly message: string } | undefined) | undefined;
  /** Reads from the objects that are in a folder. */
  readonly readObjects?: () => Promise<unknown>;
  /** Absent where other processes answer the questions. */
  readonly workspace?: {
    readonly prepared: Promise<void>;
    describe(): Promise<{ readonly tables: readonly { readonly rowCount: number }[] }>;
  };
  /** How the latest questions went; absent where other processes answer them. */
  readonly agent?: { recentFailures(): AgentFailures };
  /** Rejects when nobody answers where an agent elsewhere is; absent for one that is here. */
  readonly reachAgent?: (() => Promise<unknown>) | undefined;
  readonly integrations?: Integrations;
  readonly store: Pick<Store, 'disabledEndpoints'>;
  readonly breakers: { open(): readonly { readonly url: string; readonly state: string }[] };
  /** Bytes that are free where the data are. */
  readonly freeBytes: () => Promise<number>;
}

/** Of the questions that this process asked last. */
export interface AgentFailures {
  readonly agent: string;
  readonly asked: number;
  readonly failed: number;
  /** How many of the latest failed one after the other. */
  readonly inARow: number;
  readonly lastError?: string;
}

/** Something to look at, which may take its time. */
export interface HealthProbe {
  readonly name: string;
  readonly essential: boolean;
  readonly look: () => Promise<Sight>;
}

export type Sight = Pick<HealthPart, 'status' | 'detail'>;

/** What a process consists of. A warehouse that can't be read leaves accepting and delivering alone. */
export function healthProbes(sources: HealthSources): readonly HealthProbe[] {
  const { workspace, objectsProblem, readObjects, agent, reachAgent, integrations = {} } = sources;
  const probe = (name: string, look: HealthProbe['look'], essential = false) => ({ name, essential, look });
  return [
    probe('storage', () => storage(sources), true),
    probe('engine', () => queue(sources), true),
    ...(objectsProblem || readObjects ? [probe('objects', () => objects(sources))] : []),
    ...(workspace ? [probe('warehouse', () => warehouse(workspace))] : []),
    ...(agent ? [probe('agent', () => agentSight(agent, reachAgent))] : []),
    probe('delivery', () => delivery(sources)),
    ...integrationProbes(integrations),
    probe('disk', () => disk(sources)),
  ];
}

async function storage({ record, store }: HealthSources): Promise<Sight> {
  const problem = await record.problem();
  if (problem !== undefined) return { status: 'DOWN', detail: problem.message };
  await store.disabledEndpoints();
  return { status: 'HEALTHY', detail: 'Writes succeed.' };
}

/** Without it small answers and deliveries go on; large values and exports wait. */
async function objects({ objectsProblem, readObjects }: HealthSources): Promise<Sight> {
  const problem = objectsProblem?.();
  if (problem !== undefined) return { status: 'DOWN', detail: problem.message };
  await readObjects?.();
  return { status: 'HEALTHY', detail: `The ${readObjects ? 'folder can be read' : 'bucket answers'}.` };
}

async function queue({ engine, engineProblem, queueLimit }: HealthSources): Promise<Sight> {
  const problem = await engineProblem?.();
  if (problem !== undefined) return problem;
  const { queued, inBackground } = engine.stats();
  const status: HealthStatus =
    queued >= queueLimit ? 'DOWN' : queued > queueLimit / 2 ? 'DEGRADED' : 'HEALTHY';
  const besides = inBackground > 0 ? `, and ${inBackground} in the background` : '';
  return { status, detail: `${queued} of at most ${queueLimit} runs wait for their turn${besides}.` };
}

async function warehouse(workspace: NonNullable<HealthSources['workspace']>): Promise<Sight> {
  const preparing = Symbol('preparing');
  if ((await Promise.race([workspace.prepared, Promise.resolve(preparing)])) === preparing) {
    return { status: 'DEGRADED', detail: 'The demo workspace is being made; questions wait for it.' };
  }
  const { tables } = await workspace.describe();
  const rows = tables.reduce((sum, table) => sum + table.rowCount, 0);
  if (rows > 0) return { status: 'HEALTHY', detail: `${rows} rows in ${tables.length} tables.` };
  return { status: 'DEGRADED', detail: 'There are no data. Load some: signalbox warehouse load FILE…' };
}

async function agentSight(
  agent: NonNullable<HealthSources['agent']>,
  reach: HealthSources['reachAgent'],
): Promise<Sight> {
  await reach?.();
  return answers(agent.recentFailures());
}

/** Asking for the sake of health would cost money with some agents: the questions that were asked say it. */
function answers({ agent, asked, failed, inARow, lastError }: AgentFailures): Sight {
  if (asked === 0) return { status: 'HEALTHY', detail: `Nobody has asked ${agent} since the start.` };
  const seen = `${agent} could not answer ${failed} of the latest ${asked} questions.`;
  if (inARow < 3) return { status: 'HEALTHY', detail: seen };
  return {
    status: 'DEGRADED',
    detail: `${agent} could not answer the latest ${inARow} questions: ${lastError}`,
  };
}

async function delivery({ store, breakers }: HealthSources): Promise<Sight> {
  const disabled = (await store.disabledEndpoints()).length;
  const open = breakers.open();
  const named = open.slice(0, 5).map(({ url, state }) => `${safeUrl(url)} (${state})`);
  const seen = [
    disabled > 0 &&
      `${disabled} disabled, because the receiver said that it is gone (see: signalbox endpoints disabled)`,
    open.length > 0 &&
      `${open.length} failing, so that deliveries there wait: ${named.join(', ')}${open.length > named.length ? ', …' : ''}`,
  ].filter((part) => part !== false);
  const detail =
    seen.length === 0 ? 'All endpoints take deliveries.' : `Of the endpoints, ${seen.join('; ')}.`;
  return { status: seen.length === 0 ? 'HEALTHY' : 'DEGRADED', detail };
}

const leastFreeBytes = 256 * 1024 * 1024;

/** A full disk is a matter of the storage; this is the warning before it. */
async function disk({ freeBytes }: HealthSources): Promise<Sight> {
  const free = await freeBytes();
  const detail = `${Math.round(free / 1_048_576)} MiB are free where the data are.`;
  if (free >= leastFreeBytes) return { status: 'HEALTHY', detail };
  return { status: 'DEGRADED', detail: `${detail} Make room: when there is none, nothing is accepted.` };
}
