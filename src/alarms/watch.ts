import { messageOf, SignalboxError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Log } from '../observe/log.ts';
import type { AlarmRecords, KeptAlarm } from '../store/alarms.ts';
import type { Leases } from '../store/leases.ts';
import type { Notification } from '../tools/notify/notify.ts';
import { type AlarmSources, measure } from './measures.ts';
import { noticeOf, type Place } from './notice.ts';
import { Outage } from './outage.ts';
import { type AlarmRule, formatRule } from './rule.ts';
import { type AlarmState, type AlarmTiming, nextState, type PendingNotice, silenced } from './transition.ts';

export interface AlarmWatchOptions extends AlarmTiming {
  readonly rules: readonly AlarmRule[];
  readonly sources: AlarmSources;
  readonly store: AlarmRecords;
  readonly leases: Leases;
  /** Tells people; under the same id once, however often it is called. Resolves once that is durable. */
  readonly notify: (notification: Notification) => Promise<unknown>;
  /** Tells people at once, without the store and the engine. Never rejects. */
  readonly tellAtOnce: (notification: Notification) => Promise<void>;
  readonly place: Place;
  readonly log: Pick<Log, 'alarm' | 'failed'>;
  /** Default: 30,000. */
  readonly everyMs?: number;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
}

/** An alarm as it stands. */
export interface Alarm {
  readonly rule: AlarmRule;
  /** Undefined until it is looked at for the first time. */
  readonly state?: AlarmState;
}

const leaseMs = 60_000;

const staleAfterMs = 180_000;

/** Against whoever looks at it meanwhile. */
const mostTries = 5;

/** After so long without a look nobody knows how an alarm stands. */
export const isStale = ({ lookedAt }: AlarmState, now: number): boolean =>
  lookedAt !== undefined && now - lookedAt > staleAfterMs;

/**
 * Looks at the alarms from time to time: one of all processes does. What it finds is kept before it is told, by compare-and-set, with
 * what is to be told: so whoever looks next, after a crash or in another process, tells what has not been told yet, under the same id.
 */
export class AlarmWatch {
  readonly #options: AlarmWatchOptions;
  readonly #outage: Outage;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(options: AlarmWatchOptions) {
    this.#options = options;
    const { place, reminderMs, tellAtOnce: tell } = options;
    this.#outage = new Outage({ place, reminderMs, tell });
  }

  begin(): void {
    if (this.#options.rules.length > 0) this.#set(0);
  }

  /** Resolves once nothing is being looked at any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** The alarms of the rules, in their order. */
  async alarms(): Promise<readonly Alarm[]> {
    const { rules, store } = this.#options;
    const kept = byName(await store.alarms());
    return rules.map((rule) => {
      const found = kept.get(rule.name);
      return { rule, ...(found && { state: stateOf(found) }) };
    });
  }

  /**
   * Keeps the alarm of a rule from telling anything until a time; whether there is such a rule. Nobody hears of it from then on, whichever
   * process looks.
   */
  async silence(name: string, until: number): Promise<boolean> {
    const { rules, store, clock = Date.now } = this.#options;
    if (!rules.some((rule) => rule.name === name)) return false;
    for (let tries = 0; tries < mostTries; tries++) {
      const kept = byName(await store.alarms()).get(name);
      const next = silenced(kept && stateOf(kept), until, clock());
      if (await store.putAlarm(name, kept?.revision ?? 0, toJson(next))) return true;
    }
    throw new SignalboxError('conflict', `The alarm ${name} changes all the time. Try it again.`);
  }

  /** Looks at all of them once, unless another process does or has just done it. What keeps it from that is told after a while. */
  async look(): Promise<void> {
    const { clock = Date.now } = this.#options;
    const problems = await this.#lookAtAll();
    if (problems === undefined || this.#stopped) return;
    if (problems.length === 0) await this.#outage.worked(clock());
    else await this.#outage.failed(problems[0]!, clock());
  }

  /** What went wrong; undefined when it was not this process' turn. */
  async #lookAtAll(): Promise<readonly string[] | undefined> {
    const { leases, rules, store, everyMs = 30_000, log } = this.#options;
    const problems: string[] = [];
    const failed = (message: string) => (error: unknown) => {
      log.failed(message, error);
      problems.push(messageOf(error));
    };
    try {
      const lease = await leases.take('alarms', leaseMs);
      if (lease === undefined) return undefined;
      try {
        const kept = byName(await store.alarms());
        for (const rule of rules) {
          if (this.#stopped) break;
          const message = `The alarm ${rule.name} could not be looked at; it is looked at again`;
          await this.#lookAt(rule, kept.get(rule.name)).catch(failed(message));
        }
      } finally {
        await lease.release(this.#stopped ? 0 : everyMs * 0.9);
      }
    } catch (error) {
      failed('Alarms could not be looked at')(error);
    }
    return problems;
  }

  #set(afterMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.look().finally(() => {
        this.#looking = undefined;
        this.#set(this.#options.everyMs ?? 30_000);
      });
    }, afterMs).unref();
  }

  async #lookAt(rule: AlarmRule, kept: KeptAlarm | undefined): Promise<void> {
    const { sources, store, clock = Date.now } = this.#options;
    let [revision, state] = kept === undefined ? [0, undefined] : [kept.revision, stateOf(kept)];
    if (state?.pending) {
      const told = await this.#tell(rule, state, state.pending, revision);
      // Somebody else has had the lease since.
      if (told === undefined) return;
      [state, revision] = [told, revision + 1];
    }
    const now = clock();
    const measured = await measure(rule, sources, now);
    if (measured === undefined) return;
    const next = nextState(rule, state, measured, now, this.#options);
    const isKept = await store.putAlarm(rule.name, revision, toJson(next));
    if (isKept && next.pending !== null) {
      this.#say(rule, next, next.pending);
      await this.#tell(rule, next, next.pending, revision + 1);
    }
  }

  /** The state without what was told; undefined when it is no longer ours. */
  async #tell(rule: AlarmRule, state: AlarmState, pending: PendingNotice, revision: number) {
    await this.#options.notify(noticeOf(rule, pending, this.#options.place));
    const told = { ...state, pending: null };
    return (await this.#options.store.putAlarm(rule.name, revision, toJson(told))) ? told : undefined;
  }

  #say(rule: AlarmRule, state: AlarmState, { kind, detail, since }: PendingNotice): void {
    this.#options.log.alarm({
      ...{ alarm: rule.name, rule: formatRule(rule), state: kind, detail, value: state.value },
      since: new Date(since).toISOString(),
    });
  }
}

const byName = (kept: readonly KeptAlarm[]) => new Map(kept.map((alarm) => [alarm.name, alarm]));
export const stateOf = ({ state }: KeptAlarm) => state as unknown as AlarmState;
const toJson = (state: AlarmState) => state as unknown as JsonObject;
