import { createHmac, hkdfSync } from 'node:crypto';
import { SignalboxError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { Cipher } from './cipher.ts';

/** A key of the encryption, with what is made of it. */
export interface EncryptionKey {
  /** Made of the key: a wrong key has another id, never the right one. */
  readonly id: string;
  readonly cipher: Cipher;
  /** For the hashes of words and of what else is looked for. */
  readonly hashKey: Buffer;
}

const keyBytes = 32;
/** In the place of a key: new values are plain. */
const plain = 'plain';

export interface KeyRing {
  /** What new values are under; undefined: they are plain. */
  readonly newest: EncryptionKey | undefined;
  readonly keys: ReadonlyMap<string, EncryptionKey>;
  /** What they were read from. */
  readonly secret?: Secret;
}

/**
 * Keys as the configuration has them: the base64 of 32 bytes each, with commas or white space between, newest first; `plain` in
 * the first place for no further encryption. Throws `config_invalid` without showing them.
 */
export function parseKeys(secret: Secret, where: string): KeyRing {
  const texts = secret
    .reveal()
    .split(/[\s,]+/)
    .filter((text) => text !== '');
  const keys = texts.flatMap((text, at) => (at === 0 && text === plain ? [] : [keyOf(text, at, where)]));
  return {
    newest: texts[0] === plain ? undefined : keys[0],
    keys: new Map(keys.map((key) => [key.id, key])),
    secret,
  };
}

function keyOf(text: string, at: number, where: string): EncryptionKey {
  const bytes = Buffer.from(text, 'base64');
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '');
  if (isWhole && bytes.length === keyBytes && new Set(bytes).size > 8) return encryptionKey(bytes);
  throw new SignalboxError(
    'config_invalid',
    `${where}: key ${at + 1} cannot be used. Each is the base64 of ${keyBytes} random bytes, newest first, with commas between. Make one with: openssl rand -base64 ${keyBytes}`,
  );
}

export function encryptionKey(bytes: Buffer): EncryptionKey {
  return {
    id: createHmac('sha256', bytes).update('signalbox key id').digest('hex').slice(0, 8),
    cipher: new Cipher(derived(bytes, 'signalbox values')),
    hashKey: derived(bytes, 'signalbox hashes'),
  };
}

/** One key for each use (RFC 5869). */
const derived = (bytes: Buffer, use: string): Buffer =>
  Buffer.from(hkdfSync('sha256', bytes, Buffer.alloc(0), use, keyBytes));
