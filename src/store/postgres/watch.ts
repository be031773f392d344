import type { LiveRecord } from '../../record/live.ts';
import type { PostgresDatabase } from './database.ts';

export interface RecordWatchOptions {
  readonly database: PostgresDatabase;
  readonly live: LiveRecord;
  /** Whether something calls `look` when there is news; then it looks by itself only to be sure. */
  readonly isToldOfNews: () => boolean;
}

const everyMs = { untold: 250, told: 5_000 };
/** A look is followed by so many times as long as it took without one, so that many followers burden nobody. */
const restFactor = 9;
const leastRestMs = 40;

/**
 * Tells those who follow a conversation in this process of what other processes write. It asks for the newest event of each followed
 * conversation, and of no others; while nobody follows any it asks nothing. Who follows the log looks there.
 */
export class RecordWatch {
  readonly #options: RecordWatchOptions;
  /** The newest sequence number that has been announced, by conversation. */
  #announced = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #restsUntil = 0;
  #looking = false;
  #again = false;
  #stopped = false;

  constructor(options: RecordWatchOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#lookWithin(everyMs.untold);
  }

  /** There may be news. */
  look(): void {
    if (this.#looking) this.#again = true;
    else this.#lookWithin(0);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #lookWithin(ms: number): void {
    const now = performance.now();
    const dueAt = Math.max(now + ms, this.#restsUntil);
    if (this.#stopped || dueAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => void this.#lookNow(), dueAt - now).unref();
  }

  async #lookNow(): Promise<void> {
    this.#looking = true;
    this.#again = false;
    const begun = performance.now();
    // A server that is away has been waited for; the next look asks again.
    await this.#announceNews().catch(() => {});
    const took = performance.now() - begun;
    this.#restsUntil = performance.now() + Math.max(leastRestMs, took * restFactor);
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#looking = false;
    const untilNext = this.#options.isToldOfNews() ? everyMs.told : everyMs.untold;
    this.#lookWithin(this.#again ? 0 : untilNext);
  }

  async #announceNews(): Promise<void> {
    const { database, live } = this.#options;
    live.announceLog();
    const { followed } = live;
    const newest = new Map<string, number>();
    if (followed.length > 0) {
      const text =
        'SELECT tracking_id AS id, max(sequence) AS newest FROM events WHERE tracking_id = ANY ($1) GROUP BY 1';
      const rows = await database.read((sql) => sql.all<{ id: string; newest: number }>(text, [followed]));
      for (const row of rows) newest.set(row.id, row.newest);
    }
    const before = this.#announced;
    this.#announced = newest;
    for (const [id, sequence] of newest) if (before.get(id) !== sequence) live.announce(id);
  }
}
