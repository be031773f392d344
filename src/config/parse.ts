import { parseDuration } from '../core/duration.ts';

export const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

export function wholeNumber(least: number, most: number): (text: string) => number | undefined {
  return (text) => {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= least && value <= most ? value : undefined;
  };
}

export function oneOf<T extends string>(values: readonly T[], text: string): T | undefined {
  return values.find((value) => value === text);
}

export function parseBoolean(text: string): boolean | undefined {
  return { true: true, false: false, '1': true, '0': false }[text.toLowerCase()];
}

export function parseUrl(text: string): string | undefined {
  const parsed = URL.parse(text);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return undefined;
  return decodes(parsed.username) && decodes(parsed.password) ? parsed.href : undefined;
}

export function parseUrls(text: string): readonly string[] | undefined {
  const urls = list(text).map(parseUrl);
  return urls.every((parsed) => parsed !== undefined) ? (urls as string[]) : undefined;
}

/** Credentials are sent decoded; a % that begins no escape can't be. */
function decodes(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

export function parseDate(text: string): string | undefined {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(`${text}T`) ? text : undefined;
}

export function durationBetween(leastMs: number, mostMs: number, text: string): number | undefined {
  const durationMs = parseDuration(text);
  return durationMs !== undefined && durationMs >= leastMs && durationMs <= mostMs ? durationMs : undefined;
}

/** In milliseconds; null is for ever. A week is how long the longest idempotency keys are kept. */
export function parseDays(text: string): number | null | undefined {
  if (text === 'off') return null;
  const days = wholeNumber(7, 36_500)(text);
  return days === undefined ? undefined : days * 86_400_000;
}

export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,9})\s*(B|KiB|MiB)?$/i.exec(text);
  if (match === null) return undefined;
  const unit = { b: 1, kib: 1_024, mib: 1_048_576 }[(match[2] ?? 'B').toLowerCase()]!;
  const size = Number(match[1]) * unit;
  return size >= 1_024 && size <= 64 * 1_048_576 ? size : undefined;
}
