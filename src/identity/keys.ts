import { randomBytes } from 'node:crypto';
import { hashKey, type Scope, scopes } from '../core/api-keys.ts';
import { parseDuration } from '../core/duration.ts';
import { type FieldError, SignalboxError } from '../core/errors.ts';
import type { Identities, StoredKey } from '../store/identities.ts';

/** What somebody who makes a key says about it. */
export interface KeyRequest {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Null: it does not expire. */
  readonly lifetimeMs: number | null;
}

export interface CreatedKey {
  /** The key itself: it can be shown now, and never again. */
  readonly text: string;
  readonly key: StoredKey;
}

const longestLifetimeMs = 3_660 * 86_400_000;
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';

/** Eight characters to be recognised by, and 256 bits that nobody can guess. */
function newKeyText(): { readonly id: string; readonly text: string } {
  const id = `sb_${[...randomBytes(8)].map((byte) => alphabet[byte % alphabet.length]).join('')}`;
  return { id, text: `${id}_${randomBytes(32).toString('base64url')}` };
}

export const hexHash = (text: string): string => hashKey(text).toString('hex');

/** Reads `name`, `scopes` and `expires` (a time such as `90d`, or `never`). Throws `invalid_request` with every fault. */
export function parseKeyRequest(body: unknown): KeyRequest {
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  const errors: FieldError[] = [];
  const check = (holds: boolean, path: string, message: string) => holds || errors.push({ path, message });
  const { name, expires = 'never' } = fields;
  const asked = Array.isArray(fields.scopes) ? fields.scopes : [fields.scopes];
  check(
    typeof name === 'string' && /^[\w.-]{1,64}$/.test(name),
    '/name',
    'must be 1 to 64 letters, digits, `.`, `_` or `-`',
  );
  const known = asked.length > 0 && asked.every((scope) => (scopes as readonly unknown[]).includes(scope));
  check(known, '/scopes', `must be one or more of ${scopes.join(', ')}`);
  const lifetimeMs = expires === 'never' ? null : lifetimeOf(expires);
  check(lifetimeMs !== undefined, '/expires', 'must be `never` or a time from 1m to 3660d such as 90d');
  for (const field of Object.keys(fields)) {
    check(['name', 'scopes', 'expires'].includes(field), `/${field.slice(0, 80)}`, 'is not known');
  }
  if (errors.length > 0) {
    const list = errors.map((error) => `${error.path} ${error.message}`).join('; ');
    throw new SignalboxError('invalid_request', `The key is not valid: ${list}.`, { fields: errors });
  }
  return { name: name as string, scopes: [...new Set(asked as Scope[])], lifetimeMs: lifetimeMs! };
}

function lifetimeOf(expires: unknown): number | undefined {
  const lifetimeMs = typeof expires === 'string' ? parseDuration(expires) : undefined;
  const usable = lifetimeMs !== undefined && lifetimeMs >= 60_000 && lifetimeMs <= longestLifetimeMs;
  return usable ? lifetimeMs : undefined;
}

/** Makes a key and keeps its hash. Throws `conflict` when the name is taken. */
export async function createKey(
  store: Pick<Identities, 'putKey'>,
  request: KeyRequest,
  by: { readonly name: string; readonly now: number },
): Promise<CreatedKey> {
  const { id, text } = newKeyText();
  const { name, lifetimeMs } = request;
  const key: StoredKey = {
    ...{ id, name, scopes: request.scopes, sha256: hexHash(text) },
    ...{ createdAt: by.now, createdBy: by.name },
    expiresAt: lifetimeMs === null ? null : by.now + lifetimeMs,
    ...{ revokedAt: null, lastUsedAt: null },
  };
  if (await store.putKey(key)) return { text, key };
  throw new SignalboxError(
    'conflict',
    `There is a key with the name ${JSON.stringify(name)} already. Revoke it first, or give this one another name.`,
  );
}

/** By id, or by name where that is clear. Throws `not_found`. */
export async function revokeKey(
  store: Pick<Identities, 'keys' | 'revokeKey'>,
  idOrName: string,
  now: number,
): Promise<StoredKey> {
  const keys = await store.keys();
  const found =
    keys.find((key) => key.id === idOrName) ??
    keys.find((key) => key.name === idOrName && key.revokedAt === null);
  const revoked = found && (await store.revokeKey(found.id, now));
  if (revoked !== undefined) return revoked;
  throw new SignalboxError(
    'not_found',
    `There is no key ${JSON.stringify(idOrName.slice(0, 80))}. GET /keys and signalbox keys list show them; those of SIGNALBOX_API_KEYS are taken away there.`,
  );
}

/** What is shown of a key. */
export function shownKey(key: StoredKey, now: number): Record<string, unknown> {
  const time = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  return {
    ...{ id: key.id, name: key.name, scopes: key.scopes, status: statusOf(key, now) },
    ...{ created_at: time(key.createdAt), created_by: key.createdBy },
    ...{ expires_at: time(key.expiresAt), revoked_at: time(key.revokedAt) },
    last_used_at: time(key.lastUsedAt),
  };
}

function statusOf(key: StoredKey, now: number): 'active' | 'expired' | 'revoked' {
  if (key.revokedAt !== null) return 'revoked';
  return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : 'active';
}
