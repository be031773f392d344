import { parseDateOrTime } from '../core/timestamp.ts';
import { UsageError } from './command.ts';

/** A time that a person gave, as ISO-8601 in UTC: a date is its beginning in UTC. */
export function timeOption(option: string, text: string): string {
  const at = parseDateOrTime(text);
  if (at !== undefined) return new Date(at).toISOString();
  throw new UsageError(
    `${option} is ${JSON.stringify(text)}; a date such as 2026-11-01 or 2026-11-01T08:00Z is expected.`,
  );
}
