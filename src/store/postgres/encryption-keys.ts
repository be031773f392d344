import { cannotRead, missingKey, noKey } from '../../encryption/key-registry.ts';
import type { PostgresDatabase } from './database.ts';

/** As `useKeys` of a file. Several processes may begin at the same time. */
export async function useKeys(database: PostgresDatabase): Promise<void> {
  const { content, server } = database;
  const known = await database.read((sql) => sql.all<{ id: string }>('SELECT id FROM encryption_keys'));
  const missing = missingKey(
    known.map(({ id }) => id),
    content,
  );
  if (missing !== undefined) throw cannotRead(`PostgreSQL at ${server}`, missing, content);
  if (known.length === 0 && content.keyIds.length === 0) return;
  await database.write(async (sql) => {
    const ids = [...(known.length === 0 ? [noKey] : []), content.keyId ?? noKey];
    const text =
      'INSERT INTO encryption_keys SELECT id, $2 FROM unnest($1::text[]) AS id ON CONFLICT DO NOTHING';
    await sql.run(text, [[...new Set(ids)], Date.now()]);
    const search = `UPDATE projections SET key_id = $1
      WHERE name = 'search' AND position = 0 AND next_position IS NULL AND key_id IS DISTINCT FROM $1`;
    await sql.run(search, [content.keyId ?? null]);
  });
}
