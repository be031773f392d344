import { SignalboxError } from '../core/errors.ts';

const segment = /^[A-Za-z0-9._=+@:,-]+$/;

/** Returns a key of the objects port; throws `invalid_request` for what is none, above all for a way out of the folder. */
export function checkKey(key: string): string {
  const segments = key.split('/');
  const fits = segments.every((part) => segment.test(part) && part !== '.' && part !== '..');
  if (fits && Buffer.byteLength(key) <= 1_024 && segments.every((part) => part.length <= 200)) return key;
  throw new SignalboxError(
    'invalid_request',
    `${JSON.stringify(key.slice(0, 100))} is not an object key: segments of letters, digits and ._-=+@:, (at most 200 characters each, not . or ..) separated by / are expected.`,
  );
}
