import { DatabaseSync } from 'node:sqlite';
import type { Place, Records, StoredRecord } from '../records.ts';

/** Records in one SQLite file, for one machine and for tests. */
export class SqliteRecords implements Records {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 5_000 });
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS record (
        key TEXT PRIMARY KEY, version INTEGER NOT NULL, value TEXT NOT NULL, list TEXT,
        due_at INTEGER
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS record_by_list ON record (list, key) WHERE list IS NOT NULL;
      CREATE INDEX IF NOT EXISTS record_by_due ON record (due_at) WHERE due_at IS NOT NULL;`);
  }

  async read(key: string): Promise<StoredRecord | undefined> {
    const row = this.#database.prepare('SELECT key, version, value FROM record WHERE key = ?').get(key);
    return row && toRecord(row);
  }

  async write(key: string, version: number, value: unknown, place: Place = {}): Promise<boolean> {
    const { list = null } = place;
    const dueAt = place.dueAt === undefined ? null : Math.ceil(place.dueAt);
    const text = JSON.stringify(value);
    const { changes } =
      version === 0
        ? this.#database.prepare(insertText).run(key, text, list, dueAt)
        : this.#database.prepare(updateText).run(text, list, dueAt, key, version);
    return changes === 1;
  }

  async remove(key: string, version: number): Promise<boolean> {
    const text = 'DELETE FROM record WHERE key = ? AND version = ?';
    return this.#database.prepare(text).run(key, version).changes === 1;
  }

  async list(list: string, limit: number, before?: string): Promise<readonly StoredRecord[]> {
    const text = `${selectText} WHERE list = ? AND key < ? ORDER BY key DESC LIMIT ?`;
    return this.#all(text, list, before ?? '\u{10ffff}', limit);
  }

  async listFrom(list: string, limit: number, after?: string): Promise<readonly StoredRecord[]> {
    const text = `${selectText} WHERE list = ? AND key > ? ORDER BY key LIMIT ?`;
    return this.#all(text, list, after ?? '', limit);
  }

  async due(now: number, limit: number): Promise<readonly StoredRecord[]> {
    return this.#all(`${selectText} WHERE due_at <= ? ORDER BY due_at LIMIT ?`, Math.floor(now), limit);
  }

  #all(text: string, ...values: (string | number)[]): StoredRecord[] {
    return this.#database
      .prepare(text)
      .all(...values)
      .map(toRecord);
  }

  close(): void {
    this.#database.close();
  }
}

const selectText = 'SELECT key, version, value FROM record';

const insertText =
  'INSERT INTO record (key, version, value, list, due_at) VALUES (?, 1, ?, ?, ?) ON CONFLICT DO NOTHING';

const updateText =
  'UPDATE record SET version = version + 1, value = ?, list = ?, due_at = ? WHERE key = ? AND version = ?';

const toRecord = (row: Record<string, unknown>): StoredRecord => ({
  key: String(row.key),
  version: Number(row.version),
  value: JSON.parse(String(row.value)),
});
