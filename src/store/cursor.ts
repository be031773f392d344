import { SignalboxError } from '../core/errors.ts';

/** The number in a cursor of a list of conversations. Throws `invalid_request` for what is none. */
export function cursorId(cursor: string): number {
  if (/^[1-9]\d{0,14}$/.test(cursor)) return Number(cursor);
  throw new SignalboxError(
    'invalid_request',
    `The cursor ${JSON.stringify(cursor.slice(0, 40))} is not one of a list of conversations; use \`next\` of the page before.`,
    { fields: [{ path: 'after', message: 'is not a cursor' }] },
  );
}
