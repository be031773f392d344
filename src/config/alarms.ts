import { type AlarmRule, parseAlarmRules } from '../alarms/rule.ts';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { durationBetween, list } from './parse.ts';
import type { RequiredSetting, Setting, Values } from './setting.ts';

/** The settings of alarms, and of the places where people are told of them. */

const place = (variable: string, about: string): Setting<Secret> => ({
  ...{ variable, about, secret: true },
  expects: 'an http or https URL',
  parse: (text) => (/^https?:$/.test(URL.parse(text)?.protocol ?? '') ? new Secret(text) : undefined),
});

const slackUrl = place(
  'SLACK_WEBHOOK_URL',
  'The incoming webhook of the Slack channel that is told of alarms.',
);
const teamsUrl = place('TEAMS_WEBHOOK_URL', 'The webhook of the Teams workflow that is told of alarms.');
const notifyUrl = place(
  'SIGNALBOX_NOTIFY_URL',
  'Any URL that is told of alarms, in JSON signed as deliveries are.',
);

const smtpUrl: Setting<Secret> = {
  variable: 'SIGNALBOX_SMTP_URL',
  about: 'The mail server for alarms. A password goes over TLS alone, unless the server is on this machine.',
  expects:
    '`smtp://` or `smtps://`, with user and password where it wants them, such as `smtps://user:password@mail.example.com`',
  secret: true,
  parse: (text) => {
    const url = URL.parse(text);
    return url !== null && /^smtps?:$/.test(url.protocol) && url.hostname !== ''
      ? new Secret(text)
      : undefined;
  },
};

const emailTo: RequiredSetting<readonly string[]> = {
  variable: 'SIGNALBOX_NOTIFY_EMAIL_TO',
  about: 'Who is told of alarms by e-mail.',
  expects: 'comma-separated addresses',
  default: '',
  parse: (text) => {
    const addresses = list(text);
    return addresses.every(isAddress) ? addresses : undefined;
  },
};

const emailFrom: Setting<string> = {
  variable: 'SIGNALBOX_NOTIFY_EMAIL_FROM',
  about: 'Who e-mails about alarms come from.',
  expects: 'an address, or a name and an address such as `Signalbox <signalbox@example.com>`',
  parse: (text) => {
    const address = /^[^<>\p{Cc}]*<([^<>]+)>$/u.exec(text)?.[1] ?? text;
    return isAddress(address) ? text : undefined;
  },
};

const isAddress = (text: string): boolean => /^[^\s<>,;:"@]{1,64}@[A-Za-z0-9.-]{1,253}$/.test(text);

const alarms: RequiredSetting<readonly AlarmRule[]> = {
  variable: 'SIGNALBOX_ALARMS',
  about:
    'What fires an alarm. `default` is `error_rate>5%/5m,processing_time>10m,delivery_age>10m,objects_away>10m,dead_letters>0`.',
  expects: '`off`, or comma-separated rules such as `default,queue_age>2m,verification_failures>0/5m`',
  default: 'default',
  parse: (text) => {
    try {
      return parseAlarmRules(text);
    } catch (error) {
      throw new Error(`SIGNALBOX_ALARMS: ${messageOf(error)}.`);
    }
  },
};

const alarmReminderMs: RequiredSetting<number | null> = {
  variable: 'SIGNALBOX_ALARM_REMINDER',
  about: 'After what time an alarm that still fires is told again.',
  expects: 'a time from `1m` to `30d`, or `off`',
  default: '1h',
  parse: (text) => (text === 'off' ? null : durationBetween(60_000, 30 * 86_400_000, text)),
};

export const alarmSettings = {
  ...{ alarms, alarmReminderMs, slackUrl, teamsUrl, notifyUrl, smtpUrl, emailTo, emailFrom },
} as const;

type AlarmConfig = Values<typeof alarmSettings>;

/** Undefined when nothing is told by e-mail. Throws `config_invalid` for what is half there. */
export function emailSettings({ smtpUrl: server, emailTo: to, emailFrom: from }: AlarmConfig) {
  if (server === undefined && to.length === 0 && from === undefined) return undefined;
  const missing = {
    SIGNALBOX_SMTP_URL: server === undefined,
    SIGNALBOX_NOTIFY_EMAIL_TO: to.length === 0,
    SIGNALBOX_NOTIFY_EMAIL_FROM: from === undefined,
  };
  const names = Object.entries(missing).flatMap(([name, isMissing]) => (isMissing ? [name] : []));
  if (server !== undefined && from !== undefined && names.length === 0) return { server, from, to };
  throw new SignalboxError(
    'config_invalid',
    `E-mail about alarms needs SIGNALBOX_SMTP_URL, SIGNALBOX_NOTIFY_EMAIL_TO and SIGNALBOX_NOTIFY_EMAIL_FROM. Not set: ${names.join(', ')}.`,
  );
}
