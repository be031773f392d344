import { test } from 'node:test';

/** Makes a test of what a store, that is made for it, has to do. */
export type WithStore<Under> = (title: string, check: (under: Under) => Promise<void>) => void;

/** `create` gives an empty one. */
export function withStoreOf<Under extends { close(): Promise<void> }>(
  name: string,
  create: () => Promise<Under>,
): WithStore<Under> {
  return (title, check) =>
    test(`${name}: ${title}`, async () => {
      const under = await create();
      try {
        await check(under);
      } finally {
        await under.close();
      }
    });
}
