import assert from 'node:assert/strict';
import { link, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { testObjects } from './contract.ts';
import { createFolderObjects } from './folder.ts';

async function emptyFolder() {
  const root = await mkdtemp(join(tmpdir(), 'objects-'));
  const close = () => rm(root, { recursive: true, force: true });
  return { root, objects: createFolderObjects(join(root, 'data')), close };
}

async function filesOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((one) => one.isFile()).map((one) => relative(root, join(one.parentPath, one.name)));
}

testObjects('folder', emptyFolder);

test('folder: what could not be put leaves no file behind', async () => {
  const { root, objects, close } = await emptyFolder();
  try {
    await objects.put('a', 'x');
    await assert.rejects(objects.put('a/b', 'y'), { code: 'storage_failed' });
    assert.deepEqual(await filesOf(root), ['data/a']);
  } finally {
    await close();
  }
});

test('folder: one gets through of many in several stores on one folder', async () => {
  const { root, objects, close } = await emptyFolder();
  try {
    const stores = Array.from({ length: 8 }, () => createFolderObjects(join(root, 'data')));
    for (let round = 0; round < 20; round++) {
      const expects = (await objects.read('a'))?.version ?? null;
      const outcomes = await Promise.allSettled(stores.map((one, n) => one.put('a', String(n), { expects })));
      const through = outcomes.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
      assert.deepEqual(through.map(String), [(await objects.get('a'))?.toString()]);
    }
    assert.deepEqual(await filesOf(root), ['data/a']);
  } finally {
    await close();
  }
});

test('folder: a writer that died while it replaced an object does not keep others from it for ever', async () => {
  const { root, objects, close } = await emptyFolder();
  try {
    await objects.put('a', 'x');
    const { version } = (await objects.read('a'))!;
    const file = join(root, 'data', 'a');
    await link(file, join(root, 'data', `.~${version}`));
    assert.deepEqual(await objects.list(''), ['a']);
    await assert.rejects(objects.put('a', 'y', { expects: version }), { code: 'object_changed' });
    const later = createFolderObjects(join(root, 'data'), -1);
    await later.put('a', 'y', { expects: version });
    assert.equal((await objects.get('a'))?.toString(), 'y');
    assert.deepEqual(await filesOf(root), ['data/a']);
  } finally {
    await close();
  }
});

test('folder: what a killed process was writing is no object, and goes once it is old', async () => {
  const { root, objects, close } = await emptyFolder();
  try {
    const writing = join(root, 'data', '.~writing');
    await mkdir(writing, { recursive: true });
    for (const name of ['old', 'new']) await writeFile(join(writing, name), 'half');
    await utimes(join(writing, 'old'), 1, Date.now() / 1_000 - 601);
    await objects.put('a', 'x');
    assert.deepEqual(await objects.list(''), ['a']);
    assert.deepEqual((await filesOf(root)).sort(), ['data/.~writing/new', 'data/a']);
  } finally {
    await close();
  }
});
