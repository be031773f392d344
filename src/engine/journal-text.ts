import { SignalboxError } from '../core/errors.ts';
import { serialize } from '../core/serialize.ts';
import { journalLimitBytes } from './engine.ts';

/**
 * The text under which a value is kept in the journal; null for undefined. Throws `result_not_json` and
 * `payload_over_limit`.
 */
export function journalText(value: unknown, what: string): string | null {
  const text = serialize(value, what);
  if (text === undefined) return null;
  // UTF-8 takes at most three bytes for a UTF-16 unit: most values need no counting.
  if (text.length * 3 > journalLimitBytes) checkSize(text, what);
  return text;
}

function checkSize(text: string, what: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= journalLimitBytes) return;
  throw new SignalboxError(
    'payload_over_limit',
    `The ${what} has ${bytes} bytes as JSON; the journal takes at most ${journalLimitBytes}. Keep the data elsewhere and pass a reference.`,
    { details: { bytes, limit: journalLimitBytes } },
  );
}
