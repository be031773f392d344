import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { testObjects } from './contract.ts';
import { createFolderObjects } from './folder.ts';

async function emptyFolder() {
  const root = await mkdtemp(join(tmpdir(), 'objects-'));
  const close = () => rm(root, { recursive: true, force: true });
  return { root, objects: createFolderObjects(join(root, 'data')), close };
}

testObjects('folder', emptyFolder);

test('folder: what could not be put leaves no file behind', async () => {
  const { root, objects, close } = await emptyFolder();
  try {
    await objects.put('a', 'x');
    await assert.rejects(objects.put('a/b', 'y'), { code: 'storage_failed' });
    assert.deepEqual(await readdir(join(root, 'data')), ['a']);
  } finally {
    await close();
  }
});
