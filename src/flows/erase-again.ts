import type { Engine } from '../engine/engine.ts';
import type { ConversationSummary, Store } from '../store/store.ts';
import { type EraseFlow, erasedAtOnce } from './erase.ts';
import type { ErasureLog } from './erasure-log.ts';

export interface ErasingPorts {
  readonly engine: Pick<Engine, 'start'>;
  readonly eraseFlow: EraseFlow;
}

/** Starts runs that erase conversations; what they begin goes on whatever becomes of the caller. */
export async function startErasing(
  { engine, eraseFlow }: ErasingPorts,
  of: { readonly trackingIds: readonly string[]; readonly by: string; readonly again?: boolean },
): Promise<string[]> {
  const { trackingIds, by, again } = of;
  const runIds: string[] = [];
  for (let at = 0; at < trackingIds.length; at += erasedAtOnce) {
    const input = { trackingIds: trackingIds.slice(at, at + erasedAtOnce), by, ...(again && { again }) };
    runIds.push((await engine.start(eraseFlow, input)).runId);
  }
  return runIds;
}

/** Conversations that were erased once and have their content, because the record is an older one. */
export async function erasedBefore(
  { erasures, store }: { readonly erasures: ErasureLog; readonly store: Pick<Store, 'summary'> },
  after?: string,
): Promise<{ readonly found: readonly ConversationSummary[]; readonly next?: string }> {
  const { trackingIds, next } = await erasures.entries(after);
  const summaries = await Promise.all(trackingIds.map((trackingId) => store.summary(trackingId)));
  const found = summaries.filter(
    (one) => one !== undefined && one.erasedAt === null,
  ) as ConversationSummary[];
  return { found, ...(next !== undefined && { next }) };
}

/** Erases them all once more; resolves with how many there are. */
export async function eraseAgain(
  ports: ErasingPorts & Parameters<typeof erasedBefore>[0],
  by: string,
): Promise<number> {
  let count = 0;
  let after: string | undefined;
  do {
    const { found, next } = await erasedBefore(ports, after);
    const trackingIds = found.map((one) => one.trackingId);
    await startErasing(ports, { trackingIds, by, again: true });
    count += found.length;
    after = next;
  } while (after !== undefined);
  return count;
}
