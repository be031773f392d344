import type { Scope } from '../../core/api-keys.ts';
import type { Database, Sql, SqlRow } from '../../sqlite/database.ts';
import {
  deadKeysKeptMs,
  type Identities,
  keyLimit,
  type StoredKey,
  type StoredSession,
  tooManyKeys,
} from '../identities.ts';

export function createIdentities(database: Database): Identities {
  return {
    putKey: (key) => database.write((sql) => putKey(sql, key)),

    keys: () =>
      database.read((sql) => sql.all('SELECT * FROM api_keys ORDER BY created_at DESC, id').map(toKey)),

    revokeKey: (id, revokedAt) =>
      database.write((sql) => {
        sql.run('UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL', revokedAt, id);
        const row = sql.get('SELECT * FROM api_keys WHERE id = ?', id);
        return row && toKey(row);
      }),

    touchKeys: (usedAt) =>
      database.write((sql) => {
        const text = 'UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?';
        for (const [id, at] of usedAt) sql.run(text, at, id);
      }),

    putSession: (session) => database.write((sql) => putSession(sql, session)),

    session: (sha256) =>
      database.read((sql) => {
        const row = sql.get('SELECT * FROM sessions WHERE sha256 = ?', sha256);
        return row && toSession(row);
      }),

    async touchSession(sha256, seenAt) {
      const text = 'UPDATE sessions SET seen_at = max(seen_at, ?) WHERE sha256 = ?';
      await database.write((sql) => sql.run(text, seenAt, sha256));
    },

    deleteSession: (sha256) =>
      database.write((sql) => sql.run('DELETE FROM sessions WHERE sha256 = ?', sha256).changes === 1),

    useToken: (id, expiresAt, now) =>
      database.write((sql) => {
        sql.run('DELETE FROM used_tokens WHERE expires_at <= ?', now);
        const text = 'INSERT INTO used_tokens (id, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING';
        return sql.run(text, id, expiresAt).changes === 1;
      }),
  };
}

function putKey(sql: Sql, key: StoredKey): boolean {
  const before = key.createdAt - deadKeysKeptMs;
  sql.run('DELETE FROM api_keys WHERE revoked_at <= ? OR expires_at <= ?', before, before);
  if (sql.get('SELECT 1 FROM api_keys WHERE name = ? AND revoked_at IS NULL', key.name)) return false;
  const { count } = sql.get<{ count: number }>('SELECT count(*) AS count FROM api_keys')!;
  if (count >= keyLimit) throw tooManyKeys();
  sql.run(
    `INSERT INTO api_keys (id, name, scopes, sha256, created_at, created_by, expires_at, revoked_at, last_used_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[key.id, key.name, key.scopes.join(' '), key.sha256, key.createdAt, key.createdBy],
    ...[key.expiresAt, key.revokedAt, key.lastUsedAt],
  );
  return true;
}

function putSession(sql: Sql, session: StoredSession): void {
  sql.run('DELETE FROM sessions WHERE expires_at <= ?', session.createdAt);
  sql.run(
    `INSERT INTO sessions (sha256, name, scopes, key_id, created_at, seen_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...[session.sha256, session.name, session.scopes.join(' '), session.keyId],
    ...[session.createdAt, session.seenAt, session.expiresAt],
  );
}

const text = (row: SqlRow, name: string): string => String(row[name]);
const time = (row: SqlRow, name: string): number => Number(row[name]);
const timeOrNull = (row: SqlRow, name: string): number | null =>
  row[name] === null ? null : Number(row[name]);
const scopesOf = (row: SqlRow): Scope[] => text(row, 'scopes').split(' ') as Scope[];

function toKey(row: SqlRow): StoredKey {
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    scopes: scopesOf(row),
    sha256: text(row, 'sha256'),
    createdAt: time(row, 'created_at'),
    createdBy: text(row, 'created_by'),
    expiresAt: timeOrNull(row, 'expires_at'),
    revokedAt: timeOrNull(row, 'revoked_at'),
    lastUsedAt: timeOrNull(row, 'last_used_at'),
  };
}

function toSession(row: SqlRow): StoredSession {
  return {
    sha256: text(row, 'sha256'),
    name: text(row, 'name'),
    scopes: scopesOf(row),
    keyId: row.key_id === null ? null : text(row, 'key_id'),
    createdAt: time(row, 'created_at'),
    seenAt: time(row, 'seen_at'),
    expiresAt: time(row, 'expires_at'),
  };
}
