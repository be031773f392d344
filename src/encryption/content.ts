import { createHmac } from 'node:crypto';
import { SignalboxError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import type { EncryptionKey, KeyRing } from './keys.ts';

/**
 * What the stores put content through on its way to the disk and back: questions, answers, arguments, results, and whatever quotes
 * them. Without a key it is left as it is; with one it is sealed.
 *
 * A value that was sealed says so, under which key: `$sb1$`, the id of the key, `$`, and the base64url of nonce, ciphertext and tag. Its place (column and row) is
 * authenticated with it, so that it can't be moved to another one. In a column of JSON it is a string; one that looks like it and is none is written with an
 * escape, and so is a text (`$sb0$`). Everything else is plain: from before there was a key.
 */
export interface Content {
  /** The key that new values are under; undefined: they are plain. */
  readonly keyId: string | undefined;
  /** The keys that there are. */
  readonly keyIds: readonly string[];
  /** The keys themselves, for another thread of this process. */
  readonly keys: Secret | undefined;
  /** A text of JSON; it comes back as JSON. */
  sealJson(text: string, place: Place): string;
  /** Throws `value_unreadable`. */
  openJson(text: string, place: Place): string;
  /** Any text. */
  sealText(text: string, place: Place): string;
  /** Throws `value_unreadable`. */
  openText(text: string, place: Place): string;
  /** Bytes, for objects. */
  sealBytes(bytes: Buffer, place: Place): Buffer;
  /** Throws `value_unreadable`. */
  openBytes(bytes: Buffer, place: Place): Buffer;
  /** A hash of a text under one of the keys, by which it is found without being there. Throws `encryption_key_missing`. */
  hash(text: string, keyId: string): string;
}

/** The column, and what makes out the row. */
export type Place = readonly [column: string, ...row: (string | number)[]];

const sealed = '$sb1$';
const escaped = '$sb0$';
const looksSealed = '$sb';
/** What begins a sealed object; then the id of the key. */
const magic = Buffer.from('\u0089SB1', 'latin1');
const idLength = 8;
/** Words that hashes are kept of. */
const hashesAtMost = 50_000;

/** Without any key. */
export const plainContent: Content = createContent({ newest: undefined, keys: new Map() });

export function createContent({ newest, keys, secret }: KeyRing): Content {
  const hashes = new Map<string, string>();

  const open = (text: string, place: Place): string => {
    const key = keyOf(text.slice(sealed.length, sealed.length + idLength), place);
    const bytes = Buffer.from(text.slice(sealed.length + idLength + 1), 'base64url');
    const plain = key.cipher.open(bytes, aboutOf(place));
    if (plain === undefined) throw unreadable(place);
    return plain.toString('utf8');
  };

  const seal = (key: EncryptionKey, text: string, place: Place): string =>
    `${sealed}${key.id}$${key.cipher.seal(Buffer.from(text), aboutOf(place)).toString('base64url')}`;

  const keyOf = (id: string, place: Place): EncryptionKey => {
    const key = keys.get(id);
    if (key === undefined) throw keyMissing(id, `The value ${shown(place)}`);
    return key;
  };

  return {
    keyId: newest?.id,
    keyIds: [...keys.keys()],
    keys: secret,

    sealJson(text, place) {
      if (newest !== undefined) return `"${seal(newest, text, place)}"`;
      return text.startsWith(`"${looksSealed}`) ? `"\\u0024${text.slice(2)}` : text;
    },
    openJson: (text, place) => (text.startsWith(`"${sealed}`) ? open(text.slice(1, -1), place) : text),

    sealText(text, place) {
      if (newest !== undefined) return seal(newest, text, place);
      return text.startsWith(looksSealed) ? `${escaped}${text}` : text;
    },
    openText(text, place) {
      if (!text.startsWith(looksSealed)) return text;
      if (text.startsWith(sealed)) return open(text, place);
      return text.startsWith(escaped) ? text.slice(escaped.length) : text;
    },

    sealBytes(bytes, place) {
      if (newest === undefined) return bytes;
      return Buffer.concat([magic, Buffer.from(newest.id), newest.cipher.seal(bytes, aboutOf(place))]);
    },
    openBytes(bytes, place) {
      const id = keyIdOfBytes(bytes);
      if (id === undefined) return bytes;
      const plain = keyOf(id, place).cipher.open(bytes.subarray(magic.length + idLength), aboutOf(place));
      if (plain === undefined) throw unreadable(place);
      return plain;
    },

    hash(text, keyId) {
      const name = `${keyId}${text}`;
      const known = hashes.get(name);
      if (known !== undefined) return known;
      const key = keys.get(keyId);
      if (key === undefined) throw keyMissing(keyId, 'What is searched');
      const hash = createHmac('sha256', key.hashKey).update(text).digest('hex').slice(0, 16);
      if (hashes.size >= hashesAtMost) hashes.clear();
      hashes.set(name, hash);
      return hash;
    },
  };
}

/** The key that a value in a column is under; undefined: it is plain. */
export function keyIdOf(text: string): string | undefined {
  const at = text.startsWith('"') ? 1 : 0;
  if (!text.startsWith(sealed, at)) return undefined;
  return text.slice(at + sealed.length, at + sealed.length + idLength);
}

/** The same of an object. */
export function keyIdOfBytes(bytes: Buffer): string | undefined {
  if (!bytes.subarray(0, magic.length).equals(magic)) return undefined;
  return bytes.toString('latin1', magic.length, magic.length + idLength);
}

/** Whether it says that a value cannot be opened: it was changed, or left behind under a key that is gone. */
export const isUnreadable = (error: unknown): boolean =>
  error instanceof SignalboxError && ['value_unreadable', 'encryption_key_missing'].includes(error.code);

const aboutOf = (place: Place): Buffer => Buffer.from(JSON.stringify(place));

const shown = ([column, ...row]: Place): string => `${column} of ${row.join(', ')}`;

export function keyMissing(id: string, what: string): SignalboxError {
  return new SignalboxError(
    'encryption_key_missing',
    `${what} is under the encryption key ${id}, which is not among SIGNALBOX_ENCRYPTION_KEYS. Add that key behind the newest one; \`signalbox encryption\` says when a key is not needed any more.`,
  );
}

function unreadable(place: Place): SignalboxError {
  return new SignalboxError(
    'value_unreadable',
    `The value ${shown(place)} cannot be opened: it was changed on the disk, or belongs to another row. Everything else can be read. Put back a backup, or erase what it belongs to.`,
  );
}
