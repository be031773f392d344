import { createHash } from 'node:crypto';

/** What a caller may do: send, look, steer, or everything. */
export const scopes = ['ingest', 'read', 'operate', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Who may call. Of the key only the hash is kept. */
export interface ApiKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly sha256: Buffer;
}

/** `admin` may do everything; whoever steers may look. */
const implied: Readonly<Record<Scope, readonly Scope[]>> = {
  ingest: ['ingest'],
  read: ['read'],
  operate: ['operate', 'read'],
  admin: ['admin', 'operate', 'read', 'ingest'],
};

export function mayDo(key: { readonly scopes: readonly Scope[] }, scope: Scope): boolean {
  return key.scopes.some((own) => implied[own].includes(scope));
}

/**
 * Reads comma-separated `name:scope+scope:key`; the key may be given as `sha256=` and 64 hexadecimal digits, so that the
 * environment does not hold it. Throws an error that names the entry, never the key.
 */
export function parseApiKeys(text: string): readonly ApiKey[] {
  const entries = text.split(',').map((entry) => entry.trim());
  const keys = entries.filter((entry) => entry !== '').map(parseEntry);
  for (const [index, key] of keys.entries()) {
    if (keys.findIndex((other) => other.name === key.name) !== index)
      throw new Error(
        `SIGNALBOX_API_KEYS has the name ${JSON.stringify(key.name)} twice. Give each key a name of its own.`,
      );
  }
  return keys;
}

function parseEntry(entry: string, index: number): ApiKey {
  const [name = '', scopeText = '', ...rest] = entry.split(':');
  const secret = rest.join(':');
  const problem = problemOf(name, scopeText, secret);
  if (problem !== undefined) {
    throw new Error(
      `Entry ${index + 1} of SIGNALBOX_API_KEYS ${problem}. Expected name:scope+scope:key, for example crm:ingest:<16 characters or more>.`,
    );
  }
  const hash = /^sha256=([0-9a-f]{64})$/i.exec(secret)?.[1];
  const sha256 = hash === undefined ? hashKey(secret) : Buffer.from(hash, 'hex');
  return { name, scopes: scopeText.split('+') as Scope[], sha256 };
}

function problemOf(name: string, scopeText: string, secret: string): string | undefined {
  // Without two colons any part of it may be the key.
  if (secret === '') return 'has no name, scope and key with colons between';
  if (!/^[\w.-]{1,64}$/.test(name)) return 'has no usable name (letters, digits, `.`, `_`, `-`)';
  const known = scopeText.split('+').every((scope) => (scopes as readonly string[]).includes(scope));
  if (!known) return `(${name}) has a scope that is none of ${scopes.join(', ')}`;
  if (secret.startsWith('sha256='))
    return /^sha256=[0-9a-f]{64}$/i.test(secret)
      ? undefined
      : `(${name}) has a hash that is not 64 hexadecimal digits`;
  return /^[\x21-\x7e]{16,256}$/.test(secret)
    ? undefined
    : `(${name}) has a key that is not 16 to 256 printable characters`;
}

export function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
