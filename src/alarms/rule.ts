import { describeDuration, formatDuration, parseDuration } from '../core/duration.ts';
import { nearest } from '../core/nearest.ts';

/** What an alarm watches. `unit` says what its threshold is, `windowed` whether it counts over a time. */
const watched = {
  error_rate: { unit: 'share', isWindowed: true },
  processing_time: { unit: 'duration', isWindowed: false },
  dead_letters: { unit: 'count', isWindowed: false },
  queue_age: { unit: 'duration', isWindowed: false },
  delivery_age: { unit: 'duration', isWindowed: false },
  objects_away: { unit: 'duration', isWindowed: false },
  verification_failures: { unit: 'count', isWindowed: true },
  missed_schedules: { unit: 'count', isWindowed: false },
} as const satisfies Record<string, { unit: Unit; isWindowed: boolean }>;

/** More are not counted. */
export const deadLetterLimit = 100;

type Unit = 'share' | 'duration' | 'count';
export type AlarmName = keyof typeof watched;
export const alarmNames = Object.keys(watched) as readonly AlarmName[];

/** It fires while what it watches is more than the threshold. */
export interface AlarmRule {
  readonly name: AlarmName;
  /** A share from 0 to 1, milliseconds, or a count. */
  readonly threshold: number;
  /** For those that count over a time; 0 for the others. */
  readonly windowMs: number;
}

/**
 * The two of the systems before this one, and what needs somebody in any case. A receiver that is down fails nothing for most of a day:
 * its deliveries are tried again, and only their age shows it; and so are exports.
 */
const defaultAlarms = 'error_rate>5%/5m,processing_time>10m,delivery_age>10m,objects_away>10m,dead_letters>0';

/**
 * Rules such as `error_rate>5%/5m, queue_age>2m`; `default` stands for those above, and a later rule of a name replaces an earlier
 * one; `off` is none. Throws an `Error` that says which rule can't be read, and what is expected.
 */
export function parseAlarmRules(text: string): readonly AlarmRule[] {
  if (text.trim() === 'off') return [];
  const rules = new Map<AlarmName, AlarmRule>();
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    const parsed = part === 'default' ? parseAlarmRules(defaultAlarms) : [parseRule(part)];
    for (const rule of parsed) rules.set(rule.name, rule);
  }
  return [...rules.values()];
}

const longestWindowMs = 86_400_000;

function parseRule(text: string): AlarmRule {
  const [, name = '', threshold = '', window] = /^(\w+)\s*>\s*([^/]+?)(?:\s*\/\s*(.+))?$/.exec(text) ?? [];
  if (!isAlarmName(name)) {
    const meant = nearest(name, alarmNames);
    throw new Error(
      `${JSON.stringify(text)} is no rule of an alarm. ${meant === undefined ? `Expected one such as error_rate>5%/5m; there are ${alarmNames.join(', ')}` : `Did you mean ${meant}?`}`,
    );
  }
  const { isWindowed } = watched[name];
  const value = parseThreshold(threshold, name);
  const windowMs = window === undefined ? undefined : parseDuration(window);
  const fits = isWindowed
    ? windowMs !== undefined && windowMs >= 60_000 && windowMs <= longestWindowMs
    : window === undefined;
  if (value === undefined || !fits)
    throw new Error(`${JSON.stringify(text)} can't be read. ${expected(name)}`);
  return { name, threshold: value, windowMs: windowMs ?? 0 };
}

const isAlarmName = (name: string): name is AlarmName => Object.hasOwn(watched, name);

function parseThreshold(text: string, name: AlarmName): number | undefined {
  const { unit } = watched[name];
  if (unit === 'duration') return parseDuration(text);
  const match = unit === 'share' ? /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text) : /^(\d{1,9})$/.exec(text);
  if (match === null) return undefined;
  const value = Number(match[1]);
  // A rule that nothing could fulfil would only seem to watch.
  if (name === 'dead_letters' && value >= deadLetterLimit) return undefined;
  if (unit === 'count') return value;
  return value < 100 ? value / 100 : undefined;
}

function expected(name: AlarmName): string {
  const { unit, isWindowed } = watched[name];
  const threshold = { share: '5%', duration: '10m', count: '0' }[unit];
  const window = isWindowed ? '/5m' : '';
  const most = name === 'dead_letters' ? `; more than ${deadLetterLimit} are not counted` : '';
  const bounds = isWindowed ? '; the time after / is from 1m to 1d' : most;
  return `Expected one such as ${name}>${threshold}${window}${bounds}`;
}

/** As somebody would write it. */
export function formatRule({ name, threshold, windowMs }: AlarmRule): string {
  const window = windowMs === 0 ? '' : `/${formatDuration(windowMs)}`;
  return `${name}>${formatThreshold(name, threshold)}${window}`;
}

function formatThreshold(name: AlarmName, threshold: number): string {
  const { unit } = watched[name];
  if (unit === 'duration') return formatDuration(threshold);
  return unit === 'share' ? `${Number((threshold * 100).toFixed(3))}%` : String(threshold);
}

/** Whether it counts things, of which more are worse. */
export const isCount = ({ name }: AlarmRule): boolean => watched[name].unit === 'count';

/** A value of what it watches, for people. */
export function describeValue(name: AlarmName, value: number): string {
  const { unit } = watched[name];
  if (unit === 'duration') return describeDuration(value);
  return unit === 'share' ? `${Number((value * 100).toFixed(1))} %` : String(value);
}
