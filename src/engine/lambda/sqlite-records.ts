import { DatabaseSync } from 'node:sqlite';
import type { Records, StoredRecord } from './records.ts';

/** Records in one SQLite file, for one machine and for tests. */
export class SqliteRecords implements Records {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 5_000 });
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS record (
        key TEXT PRIMARY KEY, version INTEGER NOT NULL, value TEXT NOT NULL, list TEXT
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS record_by_list ON record (list, key) WHERE list IS NOT NULL;`);
  }

  async read(key: string): Promise<StoredRecord | undefined> {
    const row = this.#database.prepare('SELECT key, version, value FROM record WHERE key = ?').get(key);
    return row && toRecord(row);
  }

  async write(key: string, version: number, value: unknown, list?: string): Promise<boolean> {
    const text = JSON.stringify(value);
    const { changes } =
      version === 0
        ? this.#database
            .prepare(
              'INSERT INTO record (key, version, value, list) VALUES (?, 1, ?, ?) ON CONFLICT DO NOTHING',
            )
            .run(key, text, list ?? null)
        : this.#database
            .prepare(
              'UPDATE record SET version = version + 1, value = ?, list = ? WHERE key = ? AND version = ?',
            )
            .run(text, list ?? null, key, version);
    return changes === 1;
  }

  async list(list: string, limit: number, before?: string): Promise<readonly StoredRecord[]> {
    return this.#database
      .prepare('SELECT key, version, value FROM record WHERE list = ? AND key < ? ORDER BY key DESC LIMIT ?')
      .all(list, before ?? '\u{10ffff}', limit)
      .map(toRecord);
  }

  close(): void {
    this.#database.close();
  }
}

const toRecord = (row: Record<string, unknown>): StoredRecord => ({
  key: String(row.key),
  version: Number(row.version),
  value: JSON.parse(String(row.value)),
});
