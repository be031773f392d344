import { DatabaseSync } from 'node:sqlite';

/**
 * Opens a connection of the product to a file of its own; one that writes has to be told how durably. The index of the search is emptied in tables that it
 * alone would write otherwise, which `defensive` forbids.
 */
export function openConnection(path: string, { readOnly = false } = {}): DatabaseSync {
  const connection = new DatabaseSync(path, { readOnly, timeout: 5_000, defensive: false });
  // What is deleted is overwritten: text that was erased, or is past its time, is not left in what is free.
  connection.exec('PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON');
  return connection;
}
