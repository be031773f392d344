import type { Serde } from '@restatedev/restate-sdk';

/** JSON as the SDK writes it by itself, for calls that it knows nothing of. */
export function jsonSerde<T>(): Serde<T> {
  return {
    contentType: 'application/json',
    serialize: (value) => Buffer.from(JSON.stringify(value ?? null)),
    deserialize: (data) =>
      (data.length === 0 ? undefined : JSON.parse(Buffer.from(data).toString('utf8'))) as T,
  };
}
