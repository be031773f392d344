import type { AlarmRule } from './rule.ts';

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
  /** When it began to fire lately: the times of the last day, at most ten. */
  readonly firings: readonly number[];
  /** What is to be told and may not be yet: kept with the change that it is about, told, and taken out. */
  readonly pending: PendingNotice | null;
}

export interface PendingNotice {
  readonly id: string;
  readonly kind: 'firing' | 'reminder' | 'resolved';
  readonly at: number;
  /** Since when it fires, or fired. */
  readonly since: number;
  readonly detail: string;
}

export interface Measured {
  readonly value: number;
  /** What was seen, in a sentence. */
  readonly detail: string;
}

export interface AlarmTiming {
  /** Between reminders; null for none. */
  readonly reminderMs: number | null;
}

/** How long it must be quiet before it is over. Twice as long for each time that it came back within the last hours. */
const quietMs = { first: 300_000, most: 3_600_000 };
const flappingMs = 2 * 3_600_000;
const keptFirings = { count: 10, ageMs: 86_400_000 };

/**
 * The state after a measurement:
 *
 * ok → firing       at once, when the value is over the threshold: a window smooths what needs it; told
 * firing → firing   while it is over, and told again at each reminder; below it the time of quiet begins, and ends when it is over again
 * firing → ok       after that quiet; told. Who comes back again and again must be quiet for longer, and so says less.
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
  const before = state ?? initial(now);
  const isOver = measured.value > rule.threshold;
  const seen = { ...before, value: measured.value, detail: measured.detail };
  if (before.status === 'ok') return isOver ? fire(rule, seen, now) : seen;
  if (isOver) return remind(rule, { ...seen, clearSince: null }, now, timing);
  const clearSince = before.clearSince ?? now;
  const isQuiet = now - clearSince >= quietFor(before.firings, now);
  return isQuiet ? resolve(rule, { ...seen, clearSince: null }, now) : { ...seen, clearSince };
}

const initial = (now: number): AlarmState => ({
  ...{ status: 'ok', since: now, value: 0, detail: '', clearSince: null, notifiedAt: null },
  ...{ notifications: 0, firings: [], pending: null },
});

function quietFor(firings: readonly number[], now: number): number {
  const times = firings.filter((at) => now - at <= flappingMs).length;
  return Math.min(quietMs.most, quietMs.first * 2 ** Math.max(0, times - 1));
}

function fire(rule: AlarmRule, state: AlarmState, now: number): AlarmState {
  const recent = state.firings.filter((at) => now - at <= keptFirings.ageMs);
  const firings = [...recent, now].slice(-keptFirings.count);
  return tell(
    rule,
    { ...state, status: 'firing', since: now, notifications: 0, firings },
    'firing',
    now,
    now,
  );
}

function remind(rule: AlarmRule, state: AlarmState, now: number, { reminderMs }: AlarmTiming): AlarmState {
  const isDue = reminderMs !== null && now - (state.notifiedAt ?? state.since) >= reminderMs;
  return isDue ? tell(rule, state, 'reminder', now, state.since) : state;
}

const resolve = (rule: AlarmRule, state: AlarmState, now: number): AlarmState =>
  tell(rule, { ...state, status: 'ok', since: now }, 'resolved', now, state.since);

function tell(
  rule: AlarmRule,
  state: AlarmState,
  kind: PendingNotice['kind'],
  at: number,
  since: number,
): AlarmState {
  const notifications = state.notifications + 1;
  const id = `alarm/${rule.name}/${since}/${notifications}`;
  return { ...state, notifications, notifiedAt: at, pending: { id, kind, at, since, detail: state.detail } };
}
