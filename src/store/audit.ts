import { SignalboxError } from '../core/errors.ts';
import type { ActEnd, OperatorAct } from '../record/acts.ts';

/** The part of the store that tells what operators did: two events of the record, one before the act and one after it. */
export interface Audit {
  /** Newest first. Throws `invalid_request` for a cursor that is not one of its own. */
  acts(page?: { readonly after?: string; readonly limit?: number }): Promise<ActPage>;
}

export interface ActPage {
  readonly acts: readonly AuditedAct[];
  readonly next?: string;
}

export interface AuditedAct extends OperatorAct {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Null when the process died in between: then nobody knows. */
  readonly end: (ActEnd & { readonly at: number }) | null;
}

export const actPageSize = 50;

/** The sequence number before which a page begins. */
export function actsBefore(after: string | undefined): number {
  if (after === undefined) return Number.MAX_SAFE_INTEGER;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw new SignalboxError(
    'invalid_request',
    'The cursor "after" is not one that this server gave. Begin without one.',
    { fields: [{ path: '/after', message: 'is no cursor' }] },
  );
}

export interface ActRow {
  readonly sequence: number;
  readonly id: string;
  readonly at: number;
  readonly data: OperatorAct;
  readonly ended_at: number | null;
  readonly ended: ActEnd | null;
}

/** `rows` has one more than the page, if there is one. */
export function actPage(rows: readonly ActRow[], limit: number): ActPage {
  const shown = rows.slice(0, limit);
  const acts = shown.map(({ id, at, data, ended, ended_at: endedAt }) => ({
    ...{ id, at, ...data },
    end: ended === null ? null : { ...ended, at: endedAt! },
  }));
  return { acts, ...(rows.length > limit && { next: String(shown.at(-1)!.sequence) }) };
}
