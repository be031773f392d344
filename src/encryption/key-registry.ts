import { SignalboxError } from '../core/errors.ts';
import { type Content, keyMissing } from './content.ts';

/** In a list of the keys that values may be under: under none. */
export const noKey = 'plain';

/** The first key that values may be under and that is not there. */
export const missingKey = (known: readonly string[], { keyIds }: Content): string | undefined =>
  known.find((id) => id !== noKey && !keyIds.includes(id));

/** Why data can't be used: nothing is begun that could not be read to its end. */
export function cannotRead(where: string, id: string, { keyIds }: Content): SignalboxError {
  if (keyIds.length > 0) return keyMissing(id, `What ${where} holds`);
  return new SignalboxError(
    'encryption_key_missing',
    `What ${where} holds is under the encryption key ${id}, and SIGNALBOX_ENCRYPTION_KEYS is not set. Set it to that key.`,
  );
}
