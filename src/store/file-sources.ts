import { SignalboxError } from '../core/errors.ts';
import type { Source } from '../inbound/source.ts';
import type { Store } from './store.ts';

/**
 * A store whose sources are joined by those of a file. A source of the file stands in the place of one of its name that was made
 * by the API, which stays where it is, and is listed as overridden. The file alone changes its sources.
 */
export function withFileSources<S extends Pick<Store, 'source' | 'sources' | 'putSource' | 'deleteSource'>>(
  store: S,
  path: string | undefined,
  fileSources: readonly Source[],
): S {
  if (path === undefined) return store;
  const byName = new Map(fileSources.map((source) => [source.name, source]));
  const refuseChange = (name: string) => {
    if (!byName.has(name)) return;
    throw new SignalboxError(
      'conflict',
      `The source "${name}" is in the file ${path} (SIGNALBOX_SOURCES). Change it there, and start the server anew.`,
    );
  };
  return {
    ...store,
    source: async (name: string) => byName.get(name) ?? store.source(name),
    async sources() {
      const kept = (await store.sources()).map((source) =>
        byName.has(source.name) ? { ...source, overridden: true as const } : source,
      );
      return [...fileSources, ...kept].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    },
    async putSource(source: Source) {
      refuseChange(source.name);
      return store.putSource(source);
    },
    async deleteSource(name: string) {
      refuseChange(name);
      return store.deleteSource(name);
    },
  };
}
