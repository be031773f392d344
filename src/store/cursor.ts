import { SignalboxError } from '../core/errors.ts';

/** A place in a list of conversations: those behind it came earlier, or at the same time with a smaller number. */
export interface Position {
  readonly receivedAt: number;
  readonly id: number;
}

export const cursorOf = ({ receivedAt, id }: Position): string => `${receivedAt}.${id}`;

/** The place that a cursor stands for. Throws `invalid_request` for what is none. */
export function positionOf(cursor: string): Position {
  const found = /^(0|[1-9]\d{0,14})\.([1-9]\d{0,14})$/.exec(cursor);
  if (found !== null) return { receivedAt: Number(found[1]), id: Number(found[2]) };
  throw refused(cursor);
}

/** The number in a cursor of a search: what comes after it has a smaller one. Throws `invalid_request`. */
export function numberOf(cursor: string): number {
  if (/^[1-9]\d{0,14}$/.test(cursor)) return Number(cursor);
  throw refused(cursor);
}

function refused(cursor: string): SignalboxError {
  return new SignalboxError(
    'invalid_request',
    `The cursor ${JSON.stringify(cursor.slice(0, 40))} is not one of a list of conversations; use \`next\` of the page before.`,
    { fields: [{ path: 'after', message: 'is not a cursor' }] },
  );
}
