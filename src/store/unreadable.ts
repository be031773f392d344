import { isUnreadable } from '../encryption/content.ts';

/** What is shown in a list in the place of a value that cannot be read: the others are shown all the same. */
const unreadableText = '[cannot be read]';

/** Undefined in the place of a value that cannot be read. */
export function readable<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

export function orUnreadable<T>(open: () => T): T | typeof unreadableText {
  const value = readable(open);
  return value === undefined ? unreadableText : value;
}
