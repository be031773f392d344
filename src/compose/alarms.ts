import { deadLetterLimit } from '../alarms/rule.ts';
import { AlarmWatch } from '../alarms/watch.ts';
import { emailSettings } from '../config/alarms.ts';
import type { Config } from '../config/config.ts';
import { uuidv7 } from '../core/ids.ts';
import type { Engine } from '../engine/engine.ts';
import {
  createNotificationFlow,
  createNotify,
  type NotificationFlow,
  notificationFlowName,
} from '../flows/notification.ts';
import type { AlarmsPort } from '../http/ports.ts';
import type { Log } from '../observe/log.ts';
import type { Sender } from '../outbound/send.ts';
import type { Signer } from '../outbound/sign.ts';
import { createEmailNotifier } from '../tools/notify/email.ts';
import type { Notifier } from '../tools/notify/notify.ts';
import { createSlackNotifier } from '../tools/notify/slack.ts';
import { createTeamsNotifier } from '../tools/notify/teams.ts';
import { createWebhookNotifier } from '../tools/notify/webhook.ts';
import type { ComposedRecord } from './record.ts';

export interface Notifying {
  readonly notifiers: readonly Notifier[];
  readonly flow: NotificationFlow;
}

/** The places where people are told. Their addresses were written by the operator, and are trusted as they are. */
export function createNotifying(config: Config, sender: Sender, sign: Signer): Notifying {
  const { slackUrl, teamsUrl, notifyUrl } = config;
  const email = emailSettings(config);
  const notifiers = [
    ...(slackUrl ? [createSlackNotifier(slackUrl, sender)] : []),
    ...(teamsUrl ? [createTeamsNotifier(teamsUrl, sender)] : []),
    ...(email ? [createEmailNotifier(email)] : []),
    ...(notifyUrl ? [createWebhookNotifier(notifyUrl, { sender, sign })] : []),
  ];
  return { notifiers, flow: createNotificationFlow({ notifiers }) };
}

export interface ComposedAlarms {
  readonly port: AlarmsPort;
  begin(): void;
  stop(): Promise<void>;
}

export function createAlarms(
  config: Config,
  log: Log,
  { store, leases }: Pick<ComposedRecord, 'store' | 'leases'>,
  engine: Pick<Engine, 'start' | 'list'>,
  { notifiers, flow }: Notifying,
): ComposedAlarms {
  const notify = createNotify(engine, flow, notifiers);
  const { alarms: rules, alarmReminderMs: reminderMs } = config;
  const sources = { store, deadLetters: () => countDeadLetters(engine) };
  const watch = new AlarmWatch({ rules, reminderMs, sources, store, leases, notify, log });
  const channels = notifiers.map(({ name }) => name);
  const test = async () => {
    const [id, at, level] = [`test/${uuidv7()}`, Date.now(), 'info' as const];
    const title = 'Signalbox can reach you here';
    await notify({ id, at, level, title, text: 'This is a test: somebody asked for it.', facts: [] });
  };
  return {
    port: { channels, alarms: () => watch.alarms(), test },
    begin: () => watch.begin(),
    stop: () => watch.stop(),
  };
}

/** Those of notifications are left out: who can't be told of anything would have to be told of that. */
async function countDeadLetters(engine: Pick<Engine, 'list'>): Promise<number> {
  const { runs } = await engine.list({ deadLetters: true, limit: deadLetterLimit });
  return runs.filter((run) => run.flow !== notificationFlowName).length;
}
