import { describeDuration } from '../core/duration.ts';
import type { AlarmRecords, Oldest } from '../store/alarms.ts';
import { type AlarmName, type AlarmRule, deadLetterLimit, describeValue } from './rule.ts';
import type { Measured } from './transition.ts';

/** Where the numbers come from. None of them costs more when the record grows. */
export interface AlarmSources {
  readonly store: Pick<AlarmRecords, 'endings' | 'oldest' | 'floods'>;
  /** Why a conversation failed, or its latest attempt to be delivered; undefined where nothing is known. */
  problemOf(trackingId: string): Promise<string | undefined>;
  /** Runs that failed and were not started anew, at most `deadLetterLimit`. */
  deadLetters(): Promise<number>;
  /** What keeps the stores of objects from being used, as seen by this process, and since when. */
  objectsProblem(): { readonly message: string; readonly since: number } | undefined;
  /** Ticks that were missed; absent where nothing is scheduled. */
  readonly missedSchedules?: () => Promise<number>;
}

/** One failure alone is no rate: at night it would be all there is. */
const leastFailures = 2;

/** What a rule watches, now; undefined where that is not known here. */
export function measure(rule: AlarmRule, sources: AlarmSources, now: number): Promise<Measured | undefined> {
  return measures[rule.name](sources, now, rule.windowMs);
}

type Measure = (sources: AlarmSources, now: number, windowMs: number) => Promise<Measured | undefined>;

const measures: Readonly<Record<AlarmName, Measure>> = {
  async error_rate({ store, problemOf }, now, windowMs) {
    const { total, failed, latestFailed } = await store.endings(now - windowMs, now);
    const value = failed < leastFailures ? 0 : failed / total;
    const share = total === 0 ? '' : ` (${describeValue('error_rate', failed / total)})`;
    return {
      value,
      detail: `${failed} of the ${total} conversations that ended within ${describeDuration(windowMs)} failed${share}.${await because('The latest', latestFailed, problemOf)}`,
      ...(latestFailed !== null && { trackingId: latestFailed }),
    };
  },

  async processing_time({ store }, now) {
    return age(
      await store.oldest('processing'),
      now,
      'A question has been worked on',
      'No question is being worked on.',
    );
  },

  async queue_age({ store }, now) {
    return age(
      await store.oldest('queued'),
      now,
      'A question has waited for its turn',
      'No question waits for its turn.',
    );
  },

  async delivery_age({ store, problemOf }, now) {
    const oldest = await store.oldest('delivering');
    const what = 'An answer has not reached its receiver';
    const measured = age(oldest, now, what, 'No answer waits for its delivery.');
    const why = await because('Its latest attempt', oldest?.trackingId ?? null, problemOf);
    return { ...measured, detail: `${measured.detail}${why}` };
  },

  async dead_letters({ deadLetters }) {
    const value = await deadLetters();
    const count = value >= deadLetterLimit ? `${deadLetterLimit} or more` : String(value);
    return {
      value,
      detail: `${count} ${value === 1 ? 'run has' : 'runs have'} failed for good, and ${value === 1 ? 'was' : 'were'} not started anew.`,
    };
  },

  async objects_away({ objectsProblem }, now) {
    const problem = objectsProblem();
    if (problem === undefined) return { value: 0, detail: 'The stores of objects can be used.' };
    const { message, since } = problem;
    const value = Math.max(0, now - since);
    const lasted = `${describeDuration(value)}, since ${new Date(since).toISOString()}`;
    return {
      value,
      detail: `For ${lasted}, exports and values of more than 256 KiB have waited. ${shortened(message)}`,
    };
  },

  async verification_failures({ store }, now, windowMs) {
    const value = await store.floods(now - windowMs);
    return {
      value,
      detail: `Within ${describeDuration(windowMs)} there were ${value} minutes in which many webhooks of a source were refused.`,
    };
  },

  async missed_schedules({ missedSchedules }) {
    if (missedSchedules === undefined) return undefined;
    const value = await missedSchedules();
    return { value, detail: `${value} ticks of schedules were missed.` };
  },
};

function age(oldest: Oldest | undefined, now: number, what: string, otherwise: string): Measured {
  if (oldest === undefined) return { value: 0, detail: otherwise };
  const { at, trackingId } = oldest;
  const value = Math.max(0, now - at);
  const detail = `${what} for ${describeDuration(value)}, since ${new Date(at).toISOString()}.`;
  return { value, detail, trackingId };
}

const longestProblem = 300;

/** Why it is so, by the example of one; nothing where that is not known. */
async function because(
  which: string,
  trackingId: string | null,
  problemOf: AlarmSources['problemOf'],
): Promise<string> {
  const problem = trackingId === null ? undefined : await problemOf(trackingId);
  if (problem === undefined) return '';
  return ` ${which}: ${shortened(problem)}`;
}

const shortened = (problem: string): string =>
  problem.length > longestProblem ? `${problem.slice(0, longestProblem)}…` : problem;
