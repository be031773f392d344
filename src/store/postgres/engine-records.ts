import type { Json } from '../../core/json.ts';
import { sealValue } from '../../encryption/sealed-table.ts';
import type { Place, Records, StoredRecord } from '../../engine/records.ts';
import { recordContent } from '../content.ts';
import type { PostgresDatabase, SqlValue } from './database.ts';
import { openParsed } from './rows.ts';

const selectText = 'SELECT key, version, value FROM engine_records';

const insertText = `
  INSERT INTO engine_records (key, version, value, list, due_at) VALUES ($1, 1, $2, $3, $4)
  ON CONFLICT DO NOTHING`;

const updateText = `
  UPDATE engine_records SET version = version + 1, value = $2, list = $3, due_at = $4
  WHERE key = $1 AND version = $5`;

/** Sorts after every key. */
const lastKey = '\u{10ffff}';

/** The records of an engine in the PostgreSQL that many processes share. */
export class PostgresEngineRecords implements Records {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async read(key: string): Promise<StoredRecord | undefined> {
    return (await this.#all(`${selectText} WHERE key = $1`, [key]))[0];
  }

  async write(key: string, version: number, value: unknown, place: Place = {}): Promise<boolean> {
    const { list = null } = place;
    const dueAt = place.dueAt === undefined ? null : Math.ceil(place.dueAt);
    const changed = await this.#database.write((sql) => {
      const text = sealValue(sql.content, recordContent, 'value', JSON.stringify(value), key);
      const values = [key, text, list, dueAt];
      return version === 0 ? sql.run(insertText, values) : sql.run(updateText, [...values, version]);
    });
    return changed === 1;
  }

  async remove(key: string, version: number): Promise<boolean> {
    const text = 'DELETE FROM engine_records WHERE key = $1 AND version = $2';
    return (await this.#database.write((sql) => sql.run(text, [key, version]))) === 1;
  }

  list(list: string, limit: number, before = lastKey): Promise<readonly StoredRecord[]> {
    const text = `${selectText} WHERE list = $1 AND key < $2 ORDER BY key DESC LIMIT $3`;
    return this.#all(text, [list, before, limit]);
  }

  listFrom(list: string, limit: number, after = ''): Promise<readonly StoredRecord[]> {
    const text = `${selectText} WHERE list = $1 AND key > $2 ORDER BY key LIMIT $3`;
    return this.#all(text, [list, after, limit]);
  }

  due(now: number, limit: number): Promise<readonly StoredRecord[]> {
    const text = `${selectText} WHERE due_at <= $1 ORDER BY due_at LIMIT $2`;
    return this.#all(text, [Math.floor(now), limit]);
  }

  #all(text: string, values: readonly SqlValue[]): Promise<StoredRecord[]> {
    return this.#database.read(async (sql) => {
      const rows = await sql.all<{ key: string; version: number; value: Json }>(text, values);
      return rows.map(({ key, version, value }) => ({
        ...{ key, version },
        value: openParsed(sql, recordContent, 'value', value, key),
      }));
    });
  }
}
