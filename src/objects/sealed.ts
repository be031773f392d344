import { type Content, keyIdOfBytes } from '../encryption/content.ts';
import type { Objects } from './objects.ts';

/** Objects whose bodies are sealed where there is a key; keys and sizes stay. A body that is plain is read as it is. */
export function createSealedObjects(objects: Objects, content: Content): Objects {
  const placeOf = (key: string) => ['objects', key] as const;
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

/** Whether a body is under another key than the newest one, or under none. */
export const isOutdated = (body: Buffer, content: Content): boolean => keyIdOfBytes(body) !== content.keyId;
