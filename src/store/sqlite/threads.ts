import { workerData } from 'node:worker_threads';
import { Secret } from '../../core/secret.ts';
import { type Content, createContent, plainContent } from '../../encryption/content.ts';
import { parseKeys } from '../../encryption/keys.ts';
import { openConnection } from '../../sqlite/connection.ts';
import { DatabaseThreads } from '../../sqlite/threads.ts';

/** Threads beside the one that accepts, so that nobody who is accepted waits for what they do. */
export interface StoreThreads {
  /** Lists, searches and statistics are read by these. One that is slow does not hold up another; more would only take memory. */
  readonly reading: DatabaseThreads;
  /** The projections follow the log in this one. */
  readonly following: DatabaseThreads;
  close(): Promise<void>;
}

/** What a thread is given. */
interface Given {
  readonly path: string;
  /** Of the encryption. */
  readonly keys: string | undefined;
}

/** Threads for the file at `path`. */
export function storeThreads(
  path: string,
  { keys }: Content = plainContent,
  onError?: (error: unknown) => void,
): StoreThreads {
  const given: Given = { path, keys: keys?.reveal() };
  const threads = (name: string, most: number) =>
    new DatabaseThreads({ module: new URL(name, import.meta.url), workerData: given, most, onError });
  const reading = threads('reading-thread.ts', 2);
  const following = threads('following-thread.ts', 1);
  return {
    reading,
    following,
    async close() {
      await Promise.all([reading.close(), following.close()]);
    },
  };
}

/** In a thread: a connection of its own to the file. */
export function openInThread(options: { readonly readOnly: boolean }) {
  const { path, keys } = workerData as Given;
  const connection = openConnection(path, options);
  const content = keys === undefined ? plainContent : createContent(parseKeys(new Secret(keys), 'The keys'));
  return { connection, content };
}
