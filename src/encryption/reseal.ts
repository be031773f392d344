import { type Content, isUnreadable } from './content.ts';
import { keyOfValue, openValue, type SealedTable, sealValue } from './sealed-table.ts';

/** A table that is gone through, in an order that has each row once. */
export interface Resealing {
  readonly table: SealedTable;
  readonly order: readonly string[];
}

/** What was done in one place: values that are under the newest key now, and those that nobody can open. */
export interface Resealed {
  readonly rewritten: number;
  readonly unreadable: number;
}

/** Is told of what was done in some place, to show how far it is. */
export type Tell = (done: Resealed) => void;

/**
 * The values of a row that are under another key than the newest one, or under none, as they are to be. One that cannot be opened
 * stays as it is: no key reads it.
 */
export function resealRow(
  content: Content,
  table: SealedTable,
  row: Readonly<Record<string, unknown>>,
): { readonly changes: Readonly<Record<string, string>>; readonly unreadable: number } {
  const changes: Record<string, string> = {};
  let unreadable = 0;
  const identity = table.row.map((name) => row[name] as string | number);
  for (const [column, kind] of table.entries) {
    const text = row[column];
    if (typeof text !== 'string' || keyOfValue(kind, text) === content.keyId) continue;
    try {
      const plain = openValue(content, table, column, text, ...identity);
      const sealed = sealValue(content, table, column, plain, ...identity);
      // Without a key most values are what they were.
      if (sealed !== text) changes[column] = sealed;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      unreadable += 1;
    }
  }
  return { changes, unreadable };
}
