import { type Resealing, resealRow, type Tell } from '../encryption/reseal.ts';
import type { Database, Sql } from './database.ts';
import type { Task } from './sweeper.ts';

/** Puts the values of a table under the newest key. `tell` is told of each row. */
export function resealing({ table, order }: Resealing, tell: Tell): Task {
  const columns = [...new Set([...order, ...table.row, ...Object.keys(table.columns)])].join(', ');
  const places = order.map(() => '?').join(', ');
  const text = (where: string) =>
    `SELECT ${columns} FROM ${table.name} ${where} ORDER BY ${order.join(', ')} LIMIT ?`;
  return {
    name: table.name,
    piece(sql, after, limit) {
      const rows =
        after === 0
          ? sql.all<Row>(text(''), limit)
          : sql.all<Row>(
              text(`WHERE (${order.join(', ')}) > (${places})`),
              ...(JSON.parse(String(after)) as Key),
              limit,
            );
      let removed = 0;
      for (const row of rows) removed += reseal(sql, { table, order }, row, tell);
      const last = rows.at(-1);
      const isThrough = last === undefined || rows.length < limit;
      return { removed, ...(!isThrough && { next: JSON.stringify(keyOf(order, last)) }) };
    },
  };
}

type Row = Readonly<Record<string, string | number | null>>;
type Key = (string | number)[];

const keyOf = (order: readonly string[], row: Row): Key => order.map((name) => row[name] as string | number);

function reseal(sql: Sql, { table, order }: Resealing, row: Row, tell: Tell): number {
  const { changes, unreadable } = resealRow(sql.content, table, row);
  const names = Object.keys(changes);
  tell({ rewritten: names.length, unreadable });
  if (names.length === 0) return 0;
  const set = names.map((name) => `${name} = ?`).join(', ');
  const where = order.map((name) => `${name} = ?`).join(' AND ');
  sql.run(`UPDATE ${table.name} SET ${set} WHERE ${where}`, ...Object.values(changes), ...keyOf(order, row));
  return names.length;
}

export const keysInUse = (database: Database): Promise<string[]> =>
  database.read((sql) => sql.all<{ id: string }>('SELECT id FROM encryption_keys').map(({ id }) => id));

/** Notes that values are under the newest key alone. */
export const forgetOtherKeys = (database: Database, newest: string): Promise<unknown> =>
  database.write((sql) => sql.run('DELETE FROM encryption_keys WHERE id <> ?', newest));
