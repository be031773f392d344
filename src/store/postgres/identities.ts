import type { Scope } from '../../core/api-keys.ts';
import { uuidv7 } from '../../core/ids.ts';
import {
  deadKeysKeptMs,
  type Identities,
  keyLimit,
  type StoredKey,
  type StoredSession,
  tooManyKeys,
} from '../identities.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { takeLock } from './locks.ts';

const keyColumns = `id, name, scopes, sha256, created_at AS "createdAt", created_by AS "createdBy",
  expires_at AS "expiresAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;
const sessionColumns = `sha256, name, scopes, key_id AS "keyId", created_at AS "createdAt", seen_at AS "seenAt",
  expires_at AS "expiresAt"`;

/** What is done twice, because the outcome of a COMMIT was not known, is told as it was told the first time. */
export function createIdentities(database: PostgresDatabase): Identities {
  return {
    putKey: (key) => database.write((sql) => putKey(sql, key)),

    keys: () =>
      database.read(async (sql) => {
        const text = `SELECT ${keyColumns} FROM api_keys ORDER BY created_at DESC, id COLLATE "C"`;
        return (await sql.all<KeyRow>(text)).map(withScopes);
      }),

    revokeKey: (id, revokedAt) =>
      database.write(async (sql) => {
        const text = `UPDATE api_keys SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2 RETURNING ${keyColumns}`;
        const [row] = await sql.all<KeyRow>(text, [revokedAt, id]);
        return row && withScopes(row);
      }),

    async touchKeys(usedAt) {
      const text = `UPDATE api_keys SET last_used_at = greatest(coalesce(last_used_at, 0), used.at)
        FROM unnest($1::text[], $2::bigint[]) AS used (id, at) WHERE api_keys.id = used.id`;
      // In one order, so that two processes that do it at once wait for each other in one direction.
      const uses = [...usedAt].sort(([one], [other]) => (one < other ? -1 : 1));
      await database.write((sql) => sql.run(text, [uses.map(([id]) => id), uses.map(([, at]) => at)]));
    },

    async putSession(session) {
      await database.write((sql) => putSession(sql, session));
    },

    session: (sha256) =>
      database.read(async (sql) => {
        const text = `SELECT ${sessionColumns} FROM sessions WHERE sha256 = $1`;
        const [row] = await sql.all<SessionRow>(text, [sha256]);
        return row && withScopes(row);
      }),

    async touchSession(sha256, seenAt) {
      const text = 'UPDATE sessions SET seen_at = greatest(seen_at, $1) WHERE sha256 = $2';
      await database.write((sql) => sql.run(text, [seenAt, sha256]));
    },

    deleteSession: (sha256) =>
      database.write(async (sql) => (await sql.run('DELETE FROM sessions WHERE sha256 = $1', [sha256])) > 0),

    useToken(id, expiresAt, now) {
      const claim = uuidv7();
      return database.write(async (sql) => {
        await sql.run('DELETE FROM used_tokens WHERE expires_at <= $1', [now]);
        const text =
          'INSERT INTO used_tokens (id, claim, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING';
        await sql.run(text, [id, claim, expiresAt]);
        const used = 'SELECT claim FROM used_tokens WHERE id = $1';
        return (await sql.all<{ claim: string }>(used, [id]))[0]?.claim === claim;
      });
    },
  };
}

type KeyRow = Omit<StoredKey, 'scopes'> & { readonly scopes: string };
type SessionRow = Omit<StoredSession, 'scopes'> & { readonly scopes: string };

const withScopes = <Row extends { readonly scopes: string }>(row: Row) => ({
  ...row,
  scopes: row.scopes.split(' ') as Scope[],
});

async function putKey(sql: Transaction, key: StoredKey): Promise<boolean> {
  await takeLock(sql, 'keys');
  const before = key.createdAt - deadKeysKeptMs;
  await sql.run('DELETE FROM api_keys WHERE revoked_at <= $1 OR expires_at <= $1', [before]);
  const named = 'SELECT id FROM api_keys WHERE name = $1 AND revoked_at IS NULL';
  const [present] = await sql.all<{ id: string }>(named, [key.name]);
  if (present !== undefined) return present.id === key.id;
  const [{ count } = { count: 0 }] = await sql.all<{ count: number }>('SELECT count(*) FROM api_keys');
  if (count >= keyLimit) throw tooManyKeys();
  await sql.run(
    `INSERT INTO api_keys (id, name, scopes, sha256, created_at, created_by, expires_at, revoked_at, last_used_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      ...[key.id, key.name, key.scopes.join(' '), key.sha256, key.createdAt, key.createdBy],
      ...[key.expiresAt, key.revokedAt, key.lastUsedAt],
    ],
  );
  return true;
}

async function putSession(sql: Transaction, session: StoredSession): Promise<void> {
  await sql.run('DELETE FROM sessions WHERE expires_at <= $1', [session.createdAt]);
  await sql.run(
    `INSERT INTO sessions (sha256, name, scopes, key_id, created_at, seen_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [
      ...[session.sha256, session.name, session.scopes.join(' '), session.keyId],
      ...[session.createdAt, session.seenAt, session.expiresAt],
    ],
  );
}
