import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { Secrets } from './secrets.ts';

/** A store with nothing in it, and how to put something there. */
export interface SecretStore {
  readonly secrets: Secrets;
  /** The name that a secret of the test has in this store. */
  nameOf(key: string): string;
  put(key: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** What every implementation of the secrets port does. */
export function testSecrets(name: string, create: () => Promise<SecretStore>): void {
  const withStore = (title: string, check: (store: SecretStore) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      const store = await create();
      try {
        await check(store);
      } finally {
        await store.close();
      }
    });

  withStore('gives the text of a name, of several lines and any letters', async (store) => {
    await store.put('one', 'first\nsecond, ünïcode 🚦');
    await store.put('two', 'another');
    assert.equal((await store.secrets.read(store.nameOf('one'))).reveal(), 'first\nsecond, ünïcode 🚦');
    assert.equal((await store.secrets.read(store.nameOf('two'))).reveal(), 'another');
  });

  withStore('leaves white space around it out, as editors and `echo` put it there', async (store) => {
    await store.put('key', '  text \n');
    assert.equal((await store.secrets.read(store.nameOf('key'))).reveal(), 'text');
  });

  withStore('gives what is there now', async (store) => {
    await store.put('key', 'old');
    await store.secrets.read(store.nameOf('key'));
    await store.put('key', 'new');
    assert.equal((await store.secrets.read(store.nameOf('key'))).reveal(), 'new');
  });

  withStore('gives what prints as nothing', async (store) => {
    await store.put('key', 'a-secret-text');
    const secret = await store.secrets.read(store.nameOf('key'));
    assert.ok(!`${secret} ${JSON.stringify({ secret })} ${inspect(secret)}`.includes('a-secret-text'));
  });

  withStore('names what is not there', async (store) => {
    await store.put('key', 'text');
    const missing = store.nameOf('missing');
    await assert.rejects(store.secrets.read(missing), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'config_invalid');
      assert.ok(error.message.includes(missing), error.message);
      return true;
    });
  });

  withStore('refuses what is empty', async (store) => {
    await store.put('key', ' \n');
    await assert.rejects(store.secrets.read(store.nameOf('key')), {
      code: 'config_invalid',
      message: /is empty/,
    });
  });

  withStore('refuses what is too large for a secret, without showing it', async (store) => {
    await store.put('key', 'x'.repeat(65_537));
    await assert.rejects(store.secrets.read(store.nameOf('key')), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'config_invalid');
      assert.match(error.message, /has 6553\d bytes/);
      assert.ok(error.message.length < 400);
      return true;
    });
  });
}
