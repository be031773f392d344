import { type WebhookType, webhookTypes } from '../record/events.ts';
import type { RecordRetention } from '../record/retention.ts';
import { list, oneOf, parseDays, wholeNumber } from './parse.ts';
import { required } from './setting.ts';

const keptDays = (of: { readonly variable: string; readonly about: string; readonly default: string }) =>
  required<number | null>({
    ...of,
    expects: 'a whole number from 7 to 36500, or `off` to keep everything',
    parse: parseDays,
  });

/** How long things are kept. */
export const retentionSettings = {
  retentionMs: keptDays({
    variable: 'SIGNALBOX_RETENTION_DAYS',
    about:
      'How many days the journal of a run is kept after its end. Dead letters that were not started anew and the record of conversations stay.',
    default: '30',
  }),
  recordRetention: required<RecordRetention>({
    variable: 'SIGNALBOX_RECORD_RETENTION_DAYS',
    about:
      'How many days a conversation stays on the record after its end, unless it failed; by type where one has its own. Exported files stay.',
    expects:
      'a whole number from 7 to 36500, or `off` to keep everything, and by type such as `365,general=30`',
    default: 'off',
    parse: parseRecordRetention,
  }),
  auditRetentionMs: keptDays({
    variable: 'SIGNALBOX_AUDIT_RETENTION_DAYS',
    about: 'How many days the record keeps what operators did.',
    default: '365',
  }),
  refusalRetentionMs: keptDays({
    variable: 'SIGNALBOX_REFUSAL_RETENTION_DAYS',
    about: 'How many days the record keeps samples of webhooks that were refused.',
    default: '30',
  }),
  triggerRetentionMs: keptDays({
    variable: 'SIGNALBOX_TRIGGER_RETENTION_DAYS',
    about:
      'How many days the record keeps by whom and under which id an execution was triggered, unless it has not ended.',
    default: '365',
  }),
  parkAfterCrashes: required<number | null>({
    variable: 'SIGNALBOX_PARK_AFTER_CRASHES',
    about:
      'A run that was executing when the process died that many times in a row, without getting further, is paused until somebody resumes it.',
    expects: 'a whole number from 2 to 1000, or `off`',
    default: '3',
    parse: (text) => (text === 'off' ? null : wholeNumber(2, 1_000)(text)),
  }),
} as const;

/** `365,general=30,deal_analysis=off`: first the time of all. */
function parseRecordRetention(text: string): RecordRetention | undefined {
  const [first = '', ...rest] = list(text);
  const all = parseDays(first);
  const byType = new Map<WebhookType, number | null>();
  for (const part of rest) {
    const [, name = '', days = ''] = /^(\w+)\s*=\s*(\w+)$/.exec(part) ?? [];
    const [type, keepMs] = [oneOf(webhookTypes, name), parseDays(days)];
    if (type === undefined || keepMs === undefined || byType.has(type)) return undefined;
    byType.set(type, keepMs);
  }
  return all === undefined ? undefined : { all, byType: Object.fromEntries(byType) };
}
