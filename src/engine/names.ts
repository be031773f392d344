import { SignalboxError } from '../core/errors.ts';

const longestName = 1_024;

/** Throws `invalid_request` for a name that a journal could not keep as it is. */
export function checkName(what: string, name: string): void {
  if (typeof name !== 'string' || name.length === 0 || name.length > longestName) {
    const seen = typeof name === 'string' ? `${name.length} characters` : String(name);
    throw new SignalboxError(
      'invalid_request',
      `The name of the ${what} has ${seen}; 1 to ${longestName} are expected.`,
    );
  }
  if (name.isWellFormed()) return;
  throw new SignalboxError(
    'invalid_request',
    `The name of the ${what} ${JSON.stringify(name.slice(0, 80))} has half of a surrogate pair in it; whole characters are expected.`,
  );
}
