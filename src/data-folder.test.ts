import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeDataFolder, opennessOf } from './data-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'signalbox-folder-'));
after(() => rmSync(folder, { recursive: true }));

test('a new data folder is for its owner alone, however deep; one that is there stays as it is', () => {
  const dataDir = join(folder, 'a', 'b', 'data');
  makeDataFolder(dataDir);
  makeDataFolder(dataDir);
  assert.equal(statSync(dataDir).mode & 0o777, 0o700);
  assert.equal(opennessOf(dataDir), undefined);
  chmodSync(dataDir, 0o750);
  makeDataFolder(dataDir);
  assert.match(opennessOf(dataDir)!, /its mode is 750.*chmod -R go= /);
});

test('what is no place for a folder is refused, and does not hang', { timeout: 5_000 }, () => {
  writeFileSync(join(folder, 'file'), '');
  for (const dataDir of [join(folder, 'file'), join(folder, 'file', 'data'), '/proc/nope/data']) {
    assert.throws(() => makeDataFolder(dataDir), { code: 'config_invalid', message: /cannot be used/ });
  }
});
