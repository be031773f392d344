import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { testSecrets } from './contract.ts';
import { createEnvironmentSecrets } from './environment.ts';
import { createFileSecrets } from './files.ts';

testSecrets('environment', async () => {
  const environment: Record<string, string> = {};
  return {
    secrets: createEnvironmentSecrets(environment),
    nameOf: (key) => key.toUpperCase(),
    async put(key, text) {
      environment[key.toUpperCase()] = text;
    },
    async close() {},
  };
});

testSecrets('files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-secrets-'));
  return {
    secrets: createFileSecrets(),
    nameOf: (key) => join(folder, key),
    put: (key, text) => writeFile(join(folder, key), text),
    close: () => rm(folder, { recursive: true }),
  };
});

describe('secrets in files', () => {
  test('says what to do about a folder, and about a file that it may not read', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-secrets-'));
    t.after(() => rm(folder, { recursive: true }));
    const { read } = createFileSecrets();
    await assert.rejects(read(folder), { code: 'config_invalid', message: /name the file in it/ });
    if (process.getuid?.() === 0) return; // Who may read everything.
    await writeFile(join(folder, 'closed'), 'text');
    await chmod(join(folder, 'closed'), 0o000);
    await assert.rejects(read(join(folder, 'closed')), { message: /Allow the user/ });
  });
});
