import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Objects } from './objects.ts';

/** What every implementation of the objects port does. `create` gives an empty one and how to remove it. */
export function testObjects(
  name: string,
  create: () => Promise<{ objects: Objects; close: () => Promise<void> }>,
): void {
  const withObjects = (title: string, check: (objects: Objects) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      const { objects, close } = await create();
      try {
        await check(objects);
      } finally {
        await close();
      }
    });

  withObjects('gives back what was put, text and bytes', async (objects) => {
    await objects.put('a/b/text.json', '{"ü":1}', { contentType: 'application/json' });
    await objects.put('a/bytes', new Uint8Array([0, 255, 10]));
    assert.equal((await objects.get('a/b/text.json'))?.toString(), '{"ü":1}');
    assert.deepEqual([...((await objects.get('a/bytes')) ?? [])], [0, 255, 10]);
  });

  withObjects('has nothing where nothing was put', async (objects) => {
    await objects.put('a/b', 'x');
    assert.equal(await objects.get('a'), undefined);
    assert.equal(await objects.get('a/c'), undefined);
    assert.equal(await objects.get('a/b/c'), undefined);
  });

  withObjects('replaces an object whole', async (objects) => {
    await objects.put('k', 'a long first body');
    await objects.put('k', 'short');
    assert.equal((await objects.get('k'))?.toString(), 'short');
    assert.deepEqual(await objects.list(''), ['k']);
  });

  withObjects('deletes an object, and what is not there', async (objects) => {
    await objects.put('a/b', 'x');
    await objects.put('a/c', 'y');
    for (const key of ['a/b', 'a/b', 'none', 'a/b/c']) await objects.delete(key);
    assert.equal(await objects.get('a/b'), undefined);
    assert.deepEqual(await objects.list(''), ['a/c']);
  });

  withObjects('lists by prefix in order, also a prefix that ends within a name', async (objects) => {
    for (const key of ['b/2', 'b/1', 'a/1', 'b/sub/3', 'bc']) await objects.put(key, key);
    assert.deepEqual(await objects.list('b/'), ['b/1', 'b/2', 'b/sub/3']);
    assert.deepEqual(await objects.list('b'), ['b/1', 'b/2', 'b/sub/3', 'bc']);
    assert.deepEqual(await objects.list('b', 2), ['b/1', 'b/2']);
    assert.deepEqual(await objects.list('none/'), []);
  });

  withObjects('refuses keys that lead elsewhere', async (objects) => {
    const keys = [
      '../x',
      'a/../../x',
      '/etc/x',
      'a//b',
      '',
      '.',
      'a/.',
      'a\\b',
      'a\0b',
      'a b',
      'x'.repeat(1_100),
    ];
    for (const key of keys) {
      await assert.rejects(async () => objects.put(key, 'x'), { code: 'invalid_request' }, key);
      await assert.rejects(async () => objects.get(key), { code: 'invalid_request' }, key);
    }
    assert.deepEqual(await objects.list(''), []);
  });

  withObjects('a reader sees one whole body or the other while they change', async (objects) => {
    const bodies = ['a'.repeat(200_000), 'b'.repeat(100_000)];
    await objects.put('k', bodies[0]!);
    const writing = Promise.all(bodies.map((body) => objects.put('k', body)));
    for (let read = 0; read < 20; read++) {
      assert.ok(bodies.includes((await objects.get('k'))?.toString() ?? ''));
    }
    await writing;
  });

  withObjects('writes only where there is nothing, when asked to', async (objects) => {
    await objects.put('lock', 'mine', { expects: null });
    await assert.rejects(objects.put('lock', 'yours', { expects: null }), { code: 'object_changed' });
    assert.equal((await objects.get('lock'))?.toString(), 'mine');
    await objects.delete('lock');
    await objects.put('lock', 'yours', { expects: null });
    assert.equal((await objects.get('lock'))?.toString(), 'yours');
  });

  withObjects('writes only over the version that was read, when asked to', async (objects) => {
    await objects.put('k', 'first');
    const { version } = (await objects.read('k'))!;
    await objects.put('k', 'second', { expects: version });
    await assert.rejects(objects.put('k', 'third', { expects: version }), { code: 'object_changed' });
    assert.equal((await objects.get('k'))?.toString(), 'second');
    await objects.delete('k');
    await assert.rejects(objects.put('k', 'fourth', { expects: version }), { code: 'object_changed' });
    assert.equal(await objects.read('k'), undefined);
  });

  withObjects('lets one through of many that expect the same', async (objects) => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => objects.put('one', String(n), { expects: null })),
    );
    const through = outcomes.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
    assert.equal(through.length, 1);
    assert.equal((await objects.get('one'))?.toString(), String(through[0]));
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'object_changed');
    }
  });

  withObjects('counts to 12 with six writers, none of which overwrites another', async (objects) => {
    const countUp = async (): Promise<void> => {
      const found = await objects.read('counter');
      const next = String(Number(found?.body.toString() ?? '0') + 1);
      const put = objects.put('counter', next, { expects: found?.version ?? null });
      const changed = await put.then(
        () => false,
        (error) => error.code === 'object_changed' || Promise.reject(error),
      );
      if (changed) await countUp();
    };
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        for (let time = 0; time < 2; time++) await countUp();
      }),
    );
    assert.equal((await objects.get('counter'))?.toString(), '12');
  });

  withObjects('takes 32 MiB, and replaces it under a condition', async (objects) => {
    const body = Buffer.alloc(32 * 1_048_576 + 1, 'large ');
    await objects.put('large', body, { contentType: 'text/plain' });
    const found = (await objects.read('large'))!;
    assert.ok(found.body.equals(body));
    await assert.rejects(objects.put('large', body, { expects: null }), { code: 'object_changed' });
    body[0] = 0;
    await objects.put('large', body, { expects: found.version });
    assert.ok((await objects.get('large'))!.equals(body));
    await assert.rejects(objects.put('large', body, { expects: found.version }), { code: 'object_changed' });
  });
}
