import { type Resealing, resealRow, type Tell } from '../../encryption/reseal.ts';
import type { PostgresDatabase, SqlValue, Transaction } from './database.ts';
import type { RetentionTask } from './retention.ts';

/** As `resealing` of a file. Rows are locked while they are looked at: what another process changes meanwhile is not undone. */
export function resealing({ table, order: [key] }: Resealing, tell: Tell): RetentionTask {
  const isJson = (column: string) => table.entries.some(([name, kind]) => name === column && kind === 'json');
  const columns = [...new Set([key!, ...table.row])].concat(
    table.entries.map(([name, kind]) => (kind === 'json' ? `${name}::text AS ${name}` : name)),
  );
  const text = (where: string, limit: string) =>
    `SELECT ${columns.join(', ')} FROM ${table.name} ${where} ORDER BY ${key} LIMIT ${limit} FOR UPDATE`;
  return {
    name: table.name,
    async piece(sql, { after, limit }) {
      const rows =
        after === undefined
          ? await sql.all<Row>(text('', '$1'), [limit])
          : await sql.all<Row>(text(`WHERE ${key} > $1`, '$2'), [after, limit]);
      let removed = 0;
      for (const row of rows) {
        const { changes, unreadable } = resealRow(sql.content, table, row);
        tell({ rewritten: Object.keys(changes).length, unreadable });
        removed += await put(sql, { name: table.name, key: key!, isJson }, row, changes);
      }
      const last = rows.at(-1);
      const isThrough = last === undefined || rows.length < limit;
      return { removed, ...(!isThrough && { next: last[key!] as string | number }) };
    },
  };
}

type Row = Readonly<Record<string, SqlValue>>;

async function put(
  sql: Transaction,
  of: { readonly name: string; readonly key: string; readonly isJson: (column: string) => boolean },
  row: Row,
  changes: Readonly<Record<string, string>>,
): Promise<number> {
  const names = Object.keys(changes);
  if (names.length === 0) return 0;
  const set = names.map((name, at) => `${name} = $${at + 2}${of.isJson(name) ? '::text::json' : ''}`);
  const text = `UPDATE ${of.name} SET ${set.join(', ')} WHERE ${of.key} = $1`;
  await sql.run(text, [row[of.key]!, ...Object.values(changes)]);
  return names.length;
}

export const keysInUse = (database: PostgresDatabase): Promise<string[]> =>
  database.read(async (sql) =>
    (await sql.all<{ id: string }>('SELECT id FROM encryption_keys')).map(({ id }) => id),
  );

/** Notes that values are under the newest key alone. */
export const forgetOtherKeys = (database: PostgresDatabase, newest: string): Promise<unknown> =>
  database.write((sql) => sql.run('DELETE FROM encryption_keys WHERE id <> $1', [newest]));
