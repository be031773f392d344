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
  /** Why the last write failed, if it did. */
  readonly database: { readonly failure: Error | undefined };
  readonly engine: Pick<Engine, 'stats'>;
  /** What is wrong with the engine, if anything is. */
  readonly engineProblem?: () => Promise<EngineProblem | undefined>;
  readonly queueLimit: number;
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
  const { workspace } = sources;
  const data = workspace === undefined ? [] : [await warehouse(workspace)];
  return [storage(sources), await queue(sources), ...data, await delivery(sources)];
}

function storage({ database }: HealthSources): HealthPart {
  const { failure } = database;
  const [status, detail] =
    failure === undefined ? (['HEALTHY', 'Writes succeed.'] as const) : (['DOWN', failure.message] as const);
  return { name: 'storage', status, detail, essential: true };
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

async function delivery({ store, breakers }: HealthSources): Promise<HealthPart> {
  const disabled = (await store.disabledEndpoints()).length;
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
