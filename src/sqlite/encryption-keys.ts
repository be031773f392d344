import type { DatabaseSync } from 'node:sqlite';
import type { Content } from '../encryption/content.ts';
import { cannotRead, missingKey, noKey } from '../encryption/key-registry.ts';

/**
 * Notes the key that new values are under, before there are any. Throws `encryption_key_missing` when values may be under a key that is
 * not there.
 */
export function useKeys(connection: DatabaseSync, path: string, content: Content): void {
  const known = (connection.prepare('SELECT id FROM encryption_keys').all() as { id: string }[]).map(
    ({ id }) => id,
  );
  const missing = missingKey(known, content);
  if (missing !== undefined) throw cannotRead(path, missing, content);
  if (known.length === 0 && content.keyIds.length === 0) return;
  const insert = connection.prepare('INSERT INTO encryption_keys VALUES (?, ?) ON CONFLICT DO NOTHING');
  // What was written before there was a key is under none.
  if (known.length === 0) insert.run(noKey, Date.now());
  insert.run(content.keyId ?? noKey, Date.now());
  const search = `UPDATE projections SET key_id = ? WHERE name = 'search' AND position = 0 AND next_position IS NULL`;
  connection.prepare(search).run(content.keyId ?? null);
}
