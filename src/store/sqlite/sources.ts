import { openValue, sealValue } from '../../encryption/sealed-table.ts';
import type { Source } from '../../inbound/source.ts';
import type { Database, Sql } from '../../sqlite/database.ts';
import { sourceContent } from '../content.ts';
import type { Store } from '../store.ts';

interface SourceRow {
  readonly name: string;
  readonly definition: string;
}

const toSource = (sql: Sql, { name, definition }: SourceRow) =>
  JSON.parse(openValue(sql.content, sourceContent, 'definition', definition, name)) as Source;

export function createSources(
  database: Database,
): Pick<Store, 'source' | 'sources' | 'putSource' | 'deleteSource'> {
  return {
    source: (name) =>
      database.read((sql) => {
        const found = sql.get<SourceRow>('SELECT * FROM sources WHERE name = ?', name);
        return found && toSource(sql, found);
      }),

    sources: () =>
      database.read((sql) =>
        sql.all<SourceRow>('SELECT * FROM sources ORDER BY name').map((row) => toSource(sql, row)),
      ),

    putSource: (source) =>
      database.write((sql) => {
        const known = sql.get('SELECT 1 FROM sources WHERE name = ?', source.name) !== undefined;
        const text =
          'INSERT INTO sources (name, definition) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET definition = excluded.definition';
        const { name } = source;
        sql.run(
          text,
          name,
          sealValue(sql.content, sourceContent, 'definition', JSON.stringify(source), name),
        );
        return !known;
      }),

    deleteSource: (name) =>
      database.write((sql) => sql.run('DELETE FROM sources WHERE name = ?', name).changes === 1),
  };
}
