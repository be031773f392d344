import { messageOf } from '../core/errors.ts';
import type { Engine } from '../engine/engine.ts';
import type { Store } from '../store/store.ts';
import type { HealthPart, HealthStatus } from './ports.ts';

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
  /** What keeps the buckets of objects from being used; absent where they are in a folder. */
  readonly objectsProblem?: (() => Error | undefined) | undefined;
  /** Absent where other processes answer the questions. */
  readonly workspace?: {
    readonly prepared: Promise<void>;
    describe(): Promise<{ readonly tables: readonly { readonly rowCount: number }[] }>;
  };
  readonly store: Pick<Store, 'disabledEndpoints'>;
  readonly breakers: { open(): readonly unknown[] };
}

/** The parts of the process, each with what was seen. A warehouse that can't be read leaves accepting and delivering alone. */
export async function checkHealth(sources: HealthSources): Promise<readonly HealthPart[]> {
  const { workspace, objectsProblem } = sources;
  const problem = await sources.record.problem();
  const data = workspace === undefined ? [] : [await warehouse(workspace)];
  const kept = objectsProblem === undefined ? [] : [objects(objectsProblem())];
  return [storage(problem), await queue(sources), ...kept, ...data, await delivery(sources, problem)];
}

function storage(problem: Error | undefined): HealthPart {
  const [status, detail] =
    problem === undefined ? (['HEALTHY', 'Writes succeed.'] as const) : (['DOWN', problem.message] as const);
  return { name: 'storage', status, detail, essential: true };
}

/** Without it small answers and deliveries go on; large values and exports wait. */
function objects(problem: Error | undefined): HealthPart {
  const seen = { name: 'objects', essential: false };
  if (problem === undefined) return { ...seen, status: 'HEALTHY', detail: 'The bucket answers.' };
  return { ...seen, status: 'DOWN', detail: problem.message };
}

async function queue({ engine, engineProblem, queueLimit }: HealthSources): Promise<HealthPart> {
  const problem = await engineProblem?.();
  if (problem !== undefined) return { name: 'engine', ...problem, essential: true };
  const { queued } = engine.stats();
  const status: HealthStatus =
    queued >= queueLimit ? 'DOWN' : queued > queueLimit / 2 ? 'DEGRADED' : 'HEALTHY';
  return {
    name: 'engine',
    status,
    detail: `${queued} of at most ${queueLimit} runs wait for their turn.`,
    essential: true,
  };
}

async function warehouse(workspace: NonNullable<HealthSources['workspace']>): Promise<HealthPart> {
  const part = { name: 'warehouse', essential: false };
  const preparing = Symbol('preparing');
  try {
    if ((await Promise.race([workspace.prepared, Promise.resolve(preparing)])) === preparing) {
      return {
        ...part,
        status: 'DEGRADED',
        detail: 'The demo workspace is being made; questions wait for it.',
      };
    }
    const { tables } = await workspace.describe();
    const rows = tables.reduce((sum, table) => sum + table.rowCount, 0);
    if (rows > 0) return { ...part, status: 'HEALTHY', detail: `${rows} rows in ${tables.length} tables.` };
    return {
      ...part,
      status: 'DEGRADED',
      detail: 'There are no data. Load some: signalbox warehouse load FILE…',
    };
  } catch (error) {
    return { ...part, status: 'DOWN', detail: messageOf(error) };
  }
}

/** A store that does not answer is not asked, and waited for, a second time. */
async function delivery({ store, breakers }: HealthSources, problem: Error | undefined): Promise<HealthPart> {
  const disabled = problem === undefined ? (await store.disabledEndpoints()).length : 0;
  const open = breakers.open().length;
  const seen = [
    disabled > 0 &&
      `${disabled} disabled, because the receiver said that it is gone (see: signalbox endpoints disabled)`,
    open > 0 && `${open} failing, so that deliveries there wait`,
  ].filter((part) => part !== false);
  const detail =
    seen.length === 0 ? 'All endpoints take deliveries.' : `Of the endpoints, ${seen.join('; ')}.`;
  return { name: 'delivery', status: seen.length === 0 ? 'HEALTHY' : 'DEGRADED', detail, essential: false };
}
