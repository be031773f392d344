import { SignalboxError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import type { RunFilter } from './engine.ts';

const defaultPage = 50;
export const largestPage = 500;

/** How many runs a page has. */
export function pageLimit({ limit = defaultPage }: RunFilter): number {
  return Math.min(Math.max(1, limit), largestPage);
}

/** A cursor that is the id of the last run of the page before. Throws `invalid_request` for what is none. */
export function runIdCursor(after: string): string {
  if (isUuid(after)) return after.toLowerCase();
  throw unknownCursor(after);
}

export function unknownCursor(after: string): SignalboxError {
  return new SignalboxError(
    'invalid_request',
    `The cursor ${JSON.stringify(after.slice(0, 80))} is not one of ours; take it from "next" of the page before.`,
  );
}
