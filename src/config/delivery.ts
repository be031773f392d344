import { parseDuration } from '../core/duration.ts';
import { type Redaction, redactions } from '../core/redact.ts';
import type { RetryPolicy } from '../core/retry.ts';
import { Secret } from '../core/secret.ts';

import { list, oneOf, parseBoolean, parseDate } from './parse.ts';
import { optional, required, url, type Values } from './setting.ts';

const schedule = (variable: string, about: string) =>
  optional<RetryPolicy>({ variable, about, expects: scheduleExpects, parse: parseSchedule });

const scheduleExpects = '`default`, `original`, or up to 20 waits such as `2s,1m,2h`';

/** Where answers go, and what of them leaves. */
export const deliverySettings = {
  today: optional<string>({
    variable: 'SIGNALBOX_TODAY',
    about: 'What “today” means to the analyst, for data that end in the past. Without it: the clock, in UTC.',
    expects: 'a date such as 2026-08-14',
    parse: parseDate,
  }),
  webhookUrl: url('WEBHOOK_URL', 'Where answers go whose type has no URL of its own.'),
  dealAnalysisUrl: url('DEAL_ANALYSIS_WEBHOOK_URL', 'Where answers of type `deal_analysis` go.'),
  dataAnalysisUrl: url('DATA_ANALYSIS_WEBHOOK_URL', 'Where answers of type `data_analysis` go.'),
  leadAnalysisUrl: url('LEAD_ANALYSIS_WEBHOOK_URL', 'Where answers of type `lead_analysis` go.'),
  generalUrl: url('GENERAL_WEBHOOK_URL', 'Where answers of type `general` go.'),
  webhookSecrets: required<readonly Secret[]>({
    variable: 'SIGNALBOX_WEBHOOK_SECRETS',
    about:
      'What deliveries are signed with, newest first. Without it one is made and kept in the data folder (`signalbox endpoints` shows it).',
    expects: 'comma-separated secrets, each `whsec_` and the base64 of 24 to 64 bytes',
    default: '',
    secret: true,
    parse: parseWebhookSecrets,
  }),
  deliverySchedule: required<RetryPolicy>({
    variable: 'SIGNALBOX_DELIVERY_SCHEDULE',
    about:
      'The waits between the attempts of a delivery, each varied by ±10 %. `default` is 2s,4s,8s,1m,5m,30m,2h,6h,12h; `original` its first three.',
    expects: scheduleExpects,
    default: 'default',
    parse: parseSchedule,
  }),
  dealAnalysisSchedule: schedule(
    'SIGNALBOX_DELIVERY_SCHEDULE_DEAL_ANALYSIS',
    'The same for `DEAL_ANALYSIS_WEBHOOK_URL` alone.',
  ),
  dataAnalysisSchedule: schedule(
    'SIGNALBOX_DELIVERY_SCHEDULE_DATA_ANALYSIS',
    'The same for `DATA_ANALYSIS_WEBHOOK_URL` alone.',
  ),
  leadAnalysisSchedule: schedule(
    'SIGNALBOX_DELIVERY_SCHEDULE_LEAD_ANALYSIS',
    'The same for `LEAD_ANALYSIS_WEBHOOK_URL` alone.',
  ),
  generalSchedule: schedule(
    'SIGNALBOX_DELIVERY_SCHEDULE_GENERAL',
    'The same for `GENERAL_WEBHOOK_URL` alone.',
  ),
  exportConversations: required<boolean>({
    variable: 'ENABLE_CONVERSATION_EXPORT',
    about: 'Whether each complete conversation is exported as four files.',
    expects: '`true` or `false`',
    default: 'false',
    parse: parseBoolean,
  }),
  redact: required<readonly Redaction[]>({
    variable: 'SIGNALBOX_REDACT',
    about:
      'What is taken out of texts before they are logged or exported: secrets of known shapes, addresses, numbers.',
    expects: '`off`, or some of `secrets`, `email`, `phone`, comma-separated',
    default: 'secrets',
    parse: parseRedactions,
  }),
  redactFields: required<readonly string[]>({
    variable: 'SIGNALBOX_REDACT_FIELDS',
    about:
      'Fields of requests and tool calls that are taken out of exports, by the end of their path; `*` is any one name.',
    expects: 'comma-separated paths such as `ssn,extra.customer.*.name,tool_calls.input.token`',
    default: '',
    parse: (text) =>
      list(text).every((path) => /^[^.\s]+(\.[^.\s]+)*$/.test(path)) ? list(text) : undefined,
  }),
} as const;

const namedSchedules: Readonly<Record<string, string>> = {
  default: '2s,4s,8s,1m,5m,30m,2h,6h,12h',
  original: '2s,4s,8s',
};

/** Longer than any outage of a receiver; far longer ones end beyond the last date that there is. */
const longestWaitMs = 365 * 86_400_000;

function parseSchedule(text: string): RetryPolicy | undefined {
  const delaysMs = (namedSchedules[text] ?? text).split(',').map(parseDuration);
  const usable = (delayMs: number | undefined) => delayMs !== undefined && delayMs <= longestWaitMs;
  if (delaysMs.length > 20 || !delaysMs.every(usable)) return undefined;
  return { maxAttempts: delaysMs.length + 1, delaysMs: delaysMs as number[] };
}

function parseWebhookSecrets(text: string): readonly Secret[] | undefined {
  const secrets = list(text);
  const usable = (secret: string) => {
    const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
    const size = base64 === undefined ? 0 : Buffer.from(base64, 'base64').length;
    return size >= 24 && size <= 64;
  };
  return secrets.every(usable) ? secrets.map((secret) => new Secret(secret)) : undefined;
}

function parseRedactions(text: string): readonly Redaction[] | undefined {
  if (text === 'off') return [];
  const kinds = list(text).map((kind) => oneOf(redactions, kind));
  return kinds.every((kind) => kind !== undefined) ? (kinds as Redaction[]) : undefined;
}

/** Where answers go and when they are tried again, by type. */
export function endpointSettings(config: Values<typeof deliverySettings>) {
  return {
    defaultUrl: config.webhookUrl,
    defaultSchedule: config.deliverySchedule.delaysMs,
    urls: {
      deal_analysis: config.dealAnalysisUrl,
      data_analysis: config.dataAnalysisUrl,
      lead_analysis: config.leadAnalysisUrl,
      general: config.generalUrl,
    },
    schedules: {
      deal_analysis: config.dealAnalysisSchedule?.delaysMs,
      data_analysis: config.dataAnalysisSchedule?.delaysMs,
      lead_analysis: config.leadAnalysisSchedule?.delaysMs,
      general: config.generalSchedule?.delaysMs,
    },
  };
}
