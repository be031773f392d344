import { type AlarmRule, isCount } from './rule.ts';

/** What is kept of an alarm; a store keeps it as JSON. Times are milliseconds since the epoch. */
export interface AlarmState {
  readonly status: 'ok' | 'firing';
  /** Since when it is that. */
  readonly since: number;
  /** What was measured last, and in a sentence. */
  readonly value: number;
  readonly detail: string;
  /** While it fires and what it watches is below the threshold again: since when. */
  readonly clearSince: number | null;
  /** When it last told somebody. */
  readonly notifiedAt: number | null;
  /** How often it has, since it began to fire. */
  readonly notifications: number;
  /** What it told last, and the value then; absent in what earlier versions kept. */
  readonly notifiedId?: string;
  readonly notifiedValue?: number;
  /** Until when somebody wants to hear nothing of it but that a count has doubled; absent or past: no one does. */
  readonly silencedUntil?: number;
  /** When it was looked at last; absent in what earlier versions kept. */
  readonly lookedAt?: number;
  /** When it began to fire lately: the times of the last day, at most ten. */
  readonly firings: readonly number[];
  /** What is to be told and may not be yet: kept with the change that it is about, told, and taken out. */
  readonly pending: PendingNotice | null;
}

export interface PendingNotice {
  readonly id: string;
  readonly kind: NoticeKind;
  readonly at: number;
  /** Since when it fires, or fired. */
  readonly since: number;
  readonly detail: string;
  /** The conversation to look at, where there is one. */
  readonly trackingId?: string;
}

export type NoticeKind = 'firing' | 'worse' | 'reminder' | 'resolved';

export interface Measured {
  readonly value: number;
  /** What was seen, in a sentence or two. */
  readonly detail: string;
  /** The conversation that shows it best, where there is one. */
  readonly trackingId?: string;
}

export interface AlarmTiming {
  /** Between reminders; null for none. */
  readonly reminderMs: number | null;
}

/** How long it must be quiet before it is over. Twice as long for each time that it came back within the last hours. */
const quietMs = { first: 300_000, most: 3_600_000 };
const flappingMs = 2 * 3_600_000;
/** A count that has doubled since it was told is told before its reminder, but not more often than this. */
const worseAfterMs = 600_000;
const keptFirings = { count: 10, ageMs: 86_400_000 };

/**
 * The state after a measurement:
 *
 * ok → firing       at once, when the value is over the threshold: a window smooths what needs it; told
 * firing → firing   while it is over, and told again at each reminder, or when a count has doubled; below it the time of quiet begins, and
 *                   ends when it is over again
 * firing → ok       after that quiet; told. Who comes back again and again must be quiet for longer, and so says less.
 *
 * While it is silenced it goes through the same, and tells neither its beginning nor reminders; nor its end where its beginning was not told.
 * What still fires afterwards is told then.
 *
 * Times that a clock which was ahead has left count as now: it would remind of nothing, and end nothing, until they come.
 *
 * Pure: the same measurement at the same time gives the same id of what is told, whoever makes it.
 */
export function nextState(
  rule: AlarmRule,
  state: AlarmState | undefined,
  measured: Measured,
  now: number,
  timing: AlarmTiming,
): AlarmState {
  const before = state === undefined ? initial(now) : notAhead(state, now);
  const isOver = measured.value > rule.threshold;
  const { value, detail, trackingId } = measured;
  const seen: Seen = { ...before, value, detail, lookedAt: now, trackingId };
  const next = step(rule, seen, isOver, now, timing);
  return withoutTrackingId(next);
}

/** On its way through a transition: with the conversation that a notice leads to. */
type Seen = AlarmState & { readonly trackingId?: string | undefined };

function withoutTrackingId({ trackingId: _, ...state }: Seen): AlarmState {
  return state;
}

function step(rule: AlarmRule, seen: Seen, isOver: boolean, now: number, timing: AlarmTiming): Seen {
  if (seen.status === 'ok') return isOver ? fire(rule, seen, now) : seen;
  if (isOver) return remind(rule, { ...seen, clearSince: null }, now, timing);
  const clearSince = seen.clearSince ?? now;
  const isQuiet = now - clearSince >= quietFor(seen.firings, now);
  return isQuiet ? resolve(rule, { ...seen, clearSince: null }, now) : { ...seen, clearSince };
}

const initial = (now: number): AlarmState => ({
  ...{ status: 'ok', since: now, value: 0, detail: '', clearSince: null, notifiedAt: null },
  ...{ notifications: 0, firings: [], pending: null },
});

function notAhead(state: AlarmState, now: number): AlarmState {
  const past = (at: number | null) => (at === null ? null : Math.min(at, now));
  const { clearSince, notifiedAt, firings } = state;
  return {
    ...{ ...state, clearSince: past(clearSince), notifiedAt: past(notifiedAt) },
    firings: firings.filter((at) => at <= now),
  };
}

function quietFor(firings: readonly number[], now: number): number {
  const times = firings.filter((at) => now - at <= flappingMs).length;
  return Math.min(quietMs.most, quietMs.first * 2 ** Math.max(0, times - 1));
}

function fire(rule: AlarmRule, state: Seen, now: number): Seen {
  const recent = state.firings.filter((at) => now - at <= keptFirings.ageMs);
  const firings = [...recent, now].slice(-keptFirings.count);
  const begun: Seen = { ...state, status: 'firing', since: now, notifications: 0, firings };
  return isSilenced(begun, now) ? begun : tell(rule, begun, { kind: 'firing', at: now, since: now });
}

function remind(rule: AlarmRule, state: Seen, now: number, { reminderMs }: AlarmTiming): Seen {
  const { since, notifiedValue = state.value } = state;
  const quietMs = now - (state.notifiedAt ?? since);
  // What was silenced when it began.
  const isUntold = state.notifications === 0;
  const isWorse = isCount(rule) && quietMs >= worseAfterMs && state.value >= 2 * Math.max(1, notifiedValue);
  if (isWorse) return tell(rule, state, { kind: 'worse', at: now, since });
  if (isSilenced(state, now)) return state;
  if (isUntold) return tell(rule, state, { kind: 'firing', at: now, since });
  const isDue = reminderMs !== null && quietMs >= reminderMs;
  return isDue ? tell(rule, state, { kind: 'reminder', at: now, since }) : state;
}

function resolve(rule: AlarmRule, state: Seen, now: number): Seen {
  const over: Seen = { ...state, status: 'ok', since: now };
  if (state.notifications === 0) return over;
  return tell(rule, over, { kind: 'resolved', at: now, since: state.since });
}

export const isSilenced = ({ silencedUntil }: AlarmState, now: number): boolean =>
  silencedUntil !== undefined && now < silencedUntil;

/** The same, heard no more of until a time: of a count, until it has doubled from what it is now. */
export function silenced(state: AlarmState | undefined, until: number, now: number): AlarmState {
  const before = state ?? initial(now);
  return { ...before, silencedUntil: until, notifiedValue: before.value };
}

function tell(rule: AlarmRule, state: Seen, notice: Pick<PendingNotice, 'kind' | 'at' | 'since'>): Seen {
  const { detail, value, trackingId } = state;
  const notifications = state.notifications + 1;
  const id = `alarm/${rule.name}/${notice.since}/${notifications}`;
  const pending = { id, ...notice, detail, ...(trackingId !== undefined && { trackingId }) };
  return { ...state, notifications, notifiedAt: notice.at, notifiedId: id, notifiedValue: value, pending };
}

/** Whether an alarm has something newer to tell than the notice of this id: who hears of both late should hear of one. */
export function isOutdated(id: string, state: AlarmState | undefined): boolean {
  return state?.notifiedId !== undefined && state.notifiedId !== id;
}

/** Whose notice it is: the name of its alarm, undefined for what is no alarm's. */
export const alarmOfNotice = (id: string): string | undefined => /^alarm\/([^/]+)\//.exec(id)?.[1];
