import type { Source } from '../../inbound/source.ts';
import type { Database } from '../../sqlite/database.ts';
import type { Store } from '../store.ts';

interface SourceRow {
  readonly definition: string;
}

const toSource = ({ definition }: SourceRow) => JSON.parse(definition) as Source;

export function createSources(
  database: Database,
): Pick<Store, 'source' | 'sources' | 'putSource' | 'deleteSource'> {
  return {
    source: (name) =>
      database.read((sql) => {
        const found = sql.get<SourceRow>('SELECT definition FROM sources WHERE name = ?', name);
        return found && toSource(found);
      }),

    sources: () =>
      database.read((sql) =>
        sql.all<SourceRow>('SELECT definition FROM sources ORDER BY name').map(toSource),
      ),

    putSource: (source) =>
      database.write((sql) => {
        const known = sql.get('SELECT 1 FROM sources WHERE name = ?', source.name) !== undefined;
        const text =
          'INSERT INTO sources (name, definition) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET definition = excluded.definition';
        sql.run(text, source.name, JSON.stringify(source));
        return !known;
      }),

    deleteSource: (name) =>
      database.write((sql) => sql.run('DELETE FROM sources WHERE name = ?', name).changes === 1),
  };
}
