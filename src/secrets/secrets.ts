import { SignalboxError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';

/**
 * The secrets port: texts by name that are kept elsewhere than in the configuration, such as the keys of the encryption.
 *
 * They are read at the start, and again when asked again: nothing is remembered. A name means what the store makes of it: a variable, a path, the
 * name or ARN of a secret.
 */
export interface Secrets {
  /**
   * The text, without white space around it. Rejects with `config_invalid` for a name that there is no secret under, one that may not be
   * read or is empty, and with `secret_unavailable` where the store does not answer, after attempts for a bounded time. Messages never show the text.
   */
  read(name: string): Promise<Secret>;
}

/** AWS takes no more for one secret. */
export const secretLimitBytes = 65_536;

/** What a store has under a name as a secret; `where` says of which one it speaks. */
export function secretOf(text: string, where: string): Secret {
  const bytes = Buffer.byteLength(text);
  const size = `A text of 1 to ${secretLimitBytes} bytes is expected.`;
  if (bytes > secretLimitBytes)
    throw new SignalboxError('config_invalid', `${where} has ${bytes} bytes. ${size}`);
  if (text.trim() === '') throw new SignalboxError('config_invalid', `${where} is empty. ${size}`);
  return new Secret(text.trim());
}
