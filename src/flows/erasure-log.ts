import type { Objects } from '../objects/objects.ts';

/**
 * What was erased, kept beside the record: a record that is restored from an older backup does not know it. Ids alone, in one object
 * for each run that erases; what is erased has its entry before any of it is gone.
 */
export interface ErasureLog {
  /** Again it replaces what the same run has noted; without ids there is nothing to note. */
  note(runId: string, entry: ErasureEntry): Promise<void>;

  /** Some entries in the order of their runs, after the one at `after`; the last of them has `next` when there are more. */
  entries(after?: string): Promise<{ readonly trackingIds: readonly string[]; readonly next?: string }>;
}

export interface ErasureEntry {
  readonly trackingIds: readonly string[];
  /** Who asked for it. */
  readonly by: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const erasuresFolder = 'erasures/';

/** Of up to five hundred ids each. */
const entriesAtOnce = 2;

export function createErasureLog(objects: Objects): ErasureLog {
  return {
    async note(runId, { trackingIds, by, at }) {
      const key = `${erasuresFolder}${runId}.json`;
      if (trackingIds.length === 0) return objects.delete(key);
      const entry = { tracking_ids: trackingIds, erased_by: by, erased_at: new Date(at).toISOString() };
      await objects.put(key, `${JSON.stringify(entry)}\n`, { contentType: 'application/json' });
    },

    async entries(after = '') {
      // Two thousand runs are a million conversations: their keys fit in memory.
      const keys = (await objects.list(erasuresFolder, Number.MAX_SAFE_INTEGER)).filter((key) => key > after);
      const shown = keys.slice(0, entriesAtOnce);
      const bodies = await Promise.all(shown.map((key) => objects.get(key)));
      const trackingIds = [...new Set(bodies.flatMap((body) => (body === undefined ? [] : idsOf(body))))];
      return { trackingIds, ...(keys.length > shown.length && { next: shown.at(-1)! }) };
    },
  };
}

function idsOf(body: Buffer): string[] {
  return (JSON.parse(body.toString()) as { tracking_ids: string[] }).tracking_ids;
}
