import { SignalboxError } from '../core/errors.ts';

const segment = /^[A-Za-z0-9._=+@:,-]+$/;

export function isKey(text: string): boolean {
  const segments = text.split('/');
  const fits = segments.every((part) => segment.test(part) && part !== '.' && part !== '..');
  return fits && Buffer.byteLength(text) <= 1_024 && segments.every((part) => part.length <= 200);
}

/** Returns a key of the objects port; throws `invalid_request` for what is none, above all for a way out of the folder. */
export function checkKey(key: string): string {
  if (isKey(key)) return key;
  throw new SignalboxError(
    'invalid_request',
    `${JSON.stringify(key.slice(0, 100))} is not an object key: segments of letters, digits and ._-=+@:, (at most 200 characters each, not . or ..) separated by / are expected.`,
  );
}

/** What a writer gets whose expectation is not met. */
export function objectChanged(location: string, expects: string | null): SignalboxError {
  const seen =
    expects === null
      ? 'is there already, and none was expected'
      : 'is not the one that was expected; somebody wrote in between';
  return new SignalboxError(
    'object_changed',
    `The object ${location} ${seen}. Read it again, and decide anew.`,
  );
}
