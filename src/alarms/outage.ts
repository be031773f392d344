import type { Notification } from '../tools/notify/notify.ts';
import { linkTo, type Place } from './notice.ts';

export interface OutageOptions {
  readonly place: Place;
  readonly reminderMs: number | null;
  /** Tells people at once and by itself: neither the store nor the engine is asked. Never rejects. */
  readonly tell: (notification: Notification) => Promise<void>;
  /** How long it must last. Default: 120,000. */
  readonly afterMs?: number;
}

/**
 * Alarms that can't be looked at: the disk is full, the database or the engine is away. Then nothing can be kept and no run be started,
 * and that is when somebody has to come; so it is told straight away, by each process that sees it, and forgotten with the process.
 *
 * well → failing: after `afterMs` of failures; told, and again at each reminder. failing → well: with the first look that succeeds; told.
 */
export class Outage {
  readonly #options: OutageOptions;
  #since: number | undefined;
  #toldAt: number | undefined;
  #count = 0;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  async failed(problem: string, now: number): Promise<void> {
    const { afterMs = 120_000, reminderMs } = this.#options;
    const since = Math.min(this.#since ?? now, now);
    this.#since = since;
    if (this.#toldAt !== undefined) {
      this.#toldAt = Math.min(this.#toldAt, now);
      if (reminderMs === null || now - this.#toldAt < reminderMs) return;
    } else if (now - since < afterMs) return;
    const isFirst = this.#toldAt === undefined;
    this.#toldAt = now;
    const title = `${isFirst ? '' : 'Still: '}Signalbox can't look at its alarms`;
    await this.#tell('problem', title, problem, { since, now });
  }

  async worked(now: number): Promise<void> {
    const [since, toldAt] = [this.#since, this.#toldAt];
    this.#since = undefined;
    this.#toldAt = undefined;
    if (since === undefined || toldAt === undefined) return;
    const title = "Over: Signalbox can't look at its alarms";
    await this.#tell('resolved', title, 'They are looked at again.', { since, now });
  }

  #tell(
    level: Notification['level'],
    title: string,
    text: string,
    { since, now }: { readonly since: number; readonly now: number },
  ): Promise<void> {
    const { place, tell } = this.#options;
    const toDo =
      'GET /health says which part is down: room on the disk, the database, the engine. Until then no other alarm is told';
    return tell({
      ...{ id: `outage/${since}/${++this.#count}`, at: now, level, title, text },
      facts: [
        { name: 'Where', value: place.name },
        { name: 'Since', value: new Date(since).toISOString() },
        ...(level === 'problem' ? [{ name: 'What to do', value: toDo }] : []),
      ],
      ...linkTo(place, '/'),
    });
  }
}
