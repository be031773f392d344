import { parseDuration } from './duration.ts';

/** `count` requests in a window of `windowMs` that begins with the first one. */
export interface RateLimit {
  readonly count: number;
  readonly windowMs: number;
}

/** `600/1m`: a count, and a time of at least a second; undefined for anything else. */
export function parseRateLimit(text: string): RateLimit | undefined {
  const match = /^(\d{1,9})\/(.+)$/.exec(text);
  const windowMs = parseDuration(match?.[2] ?? '');
  const count = Number(match?.[1]);
  return windowMs !== undefined && windowMs >= 1_000 && count >= 1 ? { count, windowMs } : undefined;
}
