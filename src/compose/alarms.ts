import { hostname } from 'node:os';
import { linkTo, type Place } from '../alarms/notice.ts';
import { deadLetterLimit } from '../alarms/rule.ts';
import { alarmOfNotice, isOutdated } from '../alarms/transition.ts';
import { AlarmWatch, stateOf } from '../alarms/watch.ts';
import { emailSettings } from '../config/alarms.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/execution.ts';
import { messageOf } from '../core/errors.ts';
import { uuidv7 } from '../core/ids.ts';
import { createRedactor } from '../core/redact.ts';
import { type Engine, hasEnded, type Run } from '../engine/engine.ts';
import {
  createNotificationFlow,
  createNotify,
  type NotificationFlow,
  type NotificationInput,
  notificationFlowName,
} from '../flows/notification.ts';
import type { AlarmsPort } from '../http/ports.ts';
import type { Log } from '../observe/log.ts';
import { PlaceOutcomes } from '../observe/place-outcomes.ts';
import type { Sender } from '../outbound/send.ts';
import type { Signer } from '../outbound/sign.ts';
import type { AlarmRecords } from '../store/alarms.ts';
import { createEmailNotifier } from '../tools/notify/email.ts';
import type { Notification, Notifier } from '../tools/notify/notify.ts';
import { createSlackNotifier } from '../tools/notify/slack.ts';
import { createTeamsNotifier } from '../tools/notify/teams.ts';
import { createWebhookNotifier } from '../tools/notify/webhook.ts';
import type { WatchedObjects } from './objects.ts';
import type { ComposedRecord } from './record.ts';

export interface Notifying {
  readonly notifiers: readonly Notifier[];
  readonly flow: NotificationFlow;
  readonly outcomes: PlaceOutcomes;
}

/** The places where people are told. Their addresses were written by the operator, and are trusted as they are. */
export function createNotifying(
  config: Config,
  sender: Sender,
  sign: Signer,
  store: Pick<AlarmRecords, 'alarms'>,
): Notifying {
  const { slackUrl, teamsUrl, notifyUrl } = config;
  const email = emailSettings(config);
  const notifiers = [
    ...(slackUrl ? [createSlackNotifier(slackUrl, sender)] : []),
    ...(teamsUrl ? [createTeamsNotifier(teamsUrl, sender)] : []),
    ...(email ? [createEmailNotifier(email)] : []),
    ...(notifyUrl ? [createWebhookNotifier(notifyUrl, { sender, sign })] : []),
  ];
  const isOutdatedNow = async (id: string) => {
    const name = alarmOfNotice(id);
    const kept = name === undefined ? [] : await store.alarms();
    const found = kept.find((alarm) => alarm.name === name);
    return found !== undefined && isOutdated(id, stateOf(found));
  };
  const outcomes = new PlaceOutcomes(notifiers.map(({ name }) => name));
  const told = notifiers.map((notifier) => withOutcomes(notifier, outcomes));
  const flow = createNotificationFlow({ notifiers: told, isOutdated: isOutdatedNow });
  return { notifiers, flow, outcomes };
}

const withOutcomes = (notifier: Notifier, outcomes: PlaceOutcomes): Notifier => ({
  name: notifier.name,
  async send(notification, signal) {
    try {
      await notifier.send(notification, signal);
      outcomes.told(notifier.name);
    } catch (error) {
      if (!signal.aborted) outcomes.failed(notifier.name, messageOf(error));
      throw error;
    }
  },
});

export interface ComposedAlarms {
  readonly port: AlarmsPort;
  begin(): void;
  stop(): Promise<void>;
}

export function createAlarms(
  config: Config,
  log: Log,
  { store, leases }: Pick<ComposedRecord, 'store' | 'leases'>,
  { engine, watched }: { engine: Pick<Engine, 'start' | 'list' | 'history'>; watched: WatchedObjects },
  { notifiers, flow }: Notifying,
): ComposedAlarms {
  const { alarms: rules, alarmReminderMs: reminderMs } = config;
  const { text: redact } = createRedactor({ kinds: config.redact, fields: [] });
  const place = placeOf(config);
  const notify = createNotify(engine, flow, notifiers);
  const sources = {
    store,
    deadLetters: () => countDeadLetters(engine),
    objectsProblem: () => watched.problem(),
    problemOf: async (trackingId: string) => {
      const problem = (await store.conversation(trackingId))?.problem ?? undefined;
      return problem && redact(problem);
    },
  };
  const tellAtOnce = tellsAtOnce(notifiers, log);
  const watch = new AlarmWatch({
    ...{ rules, reminderMs, sources, store, leases, notify, tellAtOnce, place, log },
  });
  const channels = notifiers.map(({ name }) => name);
  const test = async () => {
    const [id, at, level] = [`test/${uuidv7()}`, Date.now(), 'info' as const];
    const title = 'Signalbox can reach you here';
    const facts = [{ name: 'Where', value: place.name }];
    const text = 'This is a test: somebody asked for it.';
    return notify({ ...{ id, at, level, title, text, facts }, ...linkTo(place, '/') });
  };
  return {
    port: {
      ...{ channels, alarms: () => watch.alarms(), lastTold: () => lastTold(engine, channels), test },
      silence: (name, until) => watch.silence(name, until),
    },
    begin: () => {
      if (rules.length > 0 && notifiers.length === 0 && !isLoopback(config.host)) log.warning(nobodyIsTold);
      watch.begin();
    },
    stop: () => watch.stop(),
  };
}

/** Not where somebody tries it out on a machine of their own. */
const nobodyIsTold =
  'Nobody is told of alarms, only this log: set SLACK_WEBHOOK_URL, TEAMS_WEBHOOK_URL, SIGNALBOX_SMTP_URL or SIGNALBOX_NOTIFY_URL (docs/reference/alarms.md), or SIGNALBOX_ALARMS=off.';

/** Which of several installations tells something. */
function placeOf({ publicUrl, port }: Config): Place {
  if (publicUrl !== undefined) return { name: publicUrl, url: publicUrl };
  return { name: `${hostname()}, port ${port}` };
}

/** Straight to the places, without a run: for when none can be started. What they do not take is said in the log, and not tried again. */
function tellsAtOnce(notifiers: readonly Notifier[], log: Log) {
  return async (notification: Notification): Promise<void> => {
    const sending = notifiers.map((notifier) =>
      notifier
        .send(notification, AbortSignal.timeout(atOnceWithinMs))
        .catch((error) => log.failed(`${notifier.name} could not be told: ${notification.title}`, error)),
    );
    await Promise.all(sending);
  };
}

const atOnceWithinMs = 20_000;
const mostPages = 10;

/** Those of notifications are left out, however many: who can't be told of anything would have to be told of that. */
export async function countDeadLetters(engine: Pick<Engine, 'list'>): Promise<number> {
  let count = 0;
  let after: string | undefined;
  for (let pages = 0; pages < mostPages && count < deadLetterLimit; pages++) {
    const limit = pages === 0 ? deadLetterLimit : 500;
    const { runs, next } = await engine.list({ deadLetters: true, limit, ...(after && { after }) });
    count += runs.filter((run) => run.flow !== notificationFlowName).length;
    if (next === undefined) break;
    after = next;
  }
  return Math.min(count, deadLetterLimit);
}

/** More notifications than that are not looked through. */
const lookedThrough = 100;

async function lastTold(engine: Pick<Engine, 'list' | 'history'>, channels: readonly string[]) {
  if (channels.length === 0) return [];
  const { runs } = await engine.list({ flow: notificationFlowName, limit: lookedThrough });
  return Promise.all(
    channels.map(async (channel) => {
      const run = runs.find(({ input }) => (input as NotificationInput).channel === channel);
      if (run === undefined) return { channel };
      const error = await problemOf(engine, run);
      return { channel, run, ...(error !== undefined && { error }) };
    }),
  );
}

/** One that is tried again for a day has failed before that. */
async function problemOf(engine: Pick<Engine, 'history'>, run: Run): Promise<string | undefined> {
  if (hasEnded(run.status)) return run.error?.message;
  return (await engine.history(run.runId)).at(-1)?.error?.message ?? run.error?.message;
}
