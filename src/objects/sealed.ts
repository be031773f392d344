import { type Content, isUnreadable, keyIdOfBytes } from '../encryption/content.ts';
import type { Tell } from '../encryption/reseal.ts';
import type { Objects } from './objects.ts';

const placeOf = (key: string) => ['objects', key] as const;

/** Objects whose bodies are sealed where there is a key; keys and sizes stay. A body that is plain is read as it is. */
export function createSealedObjects(objects: Objects, content: Content): Objects {
  return {
    async put(key, body, options) {
      const bytes =
        typeof body === 'string'
          ? Buffer.from(body)
          : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      const sealed = content.sealBytes(bytes, placeOf(key));
      const { contentType, ...others } = options ?? {};
      const type = content.keyId === undefined ? contentType : 'application/octet-stream';
      await objects.put(key, sealed, { ...others, ...(type !== undefined && { contentType: type }) });
    },
    async get(key) {
      const body = await objects.get(key);
      return body && content.openBytes(body, placeOf(key));
    },
    async read(key) {
      const found = await objects.read(key);
      return found && { ...found, body: content.openBytes(found.body, placeOf(key)) };
    },
    delete: (key) => objects.delete(key),
    list: (prefix, limit) => objects.list(prefix, limit),
    location: (key) => objects.location(key),
  };
}

/**
 * Puts the objects below a prefix under the newest key, one after the other. One that somebody else writes or removes meanwhile is left to
 * them.
 */
export async function resealObjects(
  objects: Objects,
  content: Content,
  { prefix, signal, tell }: { readonly prefix: string; readonly signal: AbortSignal; readonly tell: Tell },
): Promise<void> {
  for (const key of await objects.list(prefix, objectsAtMost)) {
    if (signal.aborted) break;
    const outcome = await resealObject(objects, content, key);
    tell({ rewritten: Number(outcome === 'rewritten'), unreadable: Number(outcome === 'unreadable') });
  }
}

/** More than there should ever be at once; the rest has its turn when these are gone. */
const objectsAtMost = 100_000;

async function resealObject(objects: Objects, content: Content, key: string) {
  const found = await objects.read(key);
  if (found === undefined || keyIdOfBytes(found.body) === content.keyId) return 'untouched';
  try {
    const plain = content.openBytes(found.body, placeOf(key));
    await objects.put(key, content.sealBytes(plain, placeOf(key)), { expects: found.version });
    return 'rewritten';
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'object_changed') return 'untouched';
    if (isUnreadable(error)) return 'unreadable';
    throw error;
  }
}
