import type { WebhookType } from './events.ts';

/** How long complete conversations are kept, in milliseconds; null is for ever. A type without a time of its own has that of all. */
export interface RecordRetention {
  readonly all: number | null;
  readonly byType: Readonly<Partial<Record<WebhookType, number | null>>>;
}

/** Undefined when all are kept for ever. */
export function shortestOf({ all, byType }: RecordRetention): number | undefined {
  const times = [all, ...Object.values(byType)].filter((time) => time !== null);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Whether a conversation of a type that was complete at a time is past its time. */
export function isPast(
  { all, byType }: RecordRetention,
  type: WebhookType,
  completedAt: number,
  now: number,
): boolean {
  const keepMs = Object.hasOwn(byType, type) ? byType[type] : all;
  return keepMs !== null && keepMs !== undefined && completedAt <= now - keepMs;
}
