import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseSource, type Source } from '../inbound/source.ts';
import { LiveRecord } from '../record/live.ts';
import { Database } from '../sqlite/database.ts';
import { withFileSources } from './file-sources.ts';
import { createSqliteStore } from './sqlite/store.ts';

const source = (name: string, secret: string): Source =>
  parseSource(name, { scheme: 'github', secrets: [secret], starts: { flow: 'query' } });

test('sources of a file stand before those of the API, and only the file changes them', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-sources-'));
  const database = new Database(join(folder, 'signalbox.sqlite'));
  context.after(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  const kept = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
  for (const one of [source('both', 'of the api'), source('own', 'of the api')]) await kept.putSource(one);
  const inFile = { ...source('both', 'of the file'), origin: 'file' as const };
  const store = withFileSources(kept, '/etc/sources.json', [
    inFile,
    { ...source('aaa', 'of the file'), origin: 'file' },
  ]);
  assert.equal((await store.source('both'))?.secrets[0]?.secret, 'of the file');
  assert.equal((await store.source('own'))?.secrets[0]?.secret, 'of the api');
  assert.equal(await store.source('none'), undefined);
  assert.deepEqual(
    (await store.sources()).map(({ name, origin, overridden }) => [name, origin, overridden]),
    [
      ['aaa', 'file', undefined],
      ['both', 'file', undefined],
      ['both', undefined, true],
      ['own', undefined, undefined],
    ],
  );
  await assert.rejects(store.putSource(source('both', 'of another')), {
    code: 'conflict',
    message: /sources\.json/,
  });
  await assert.rejects(store.deleteSource('aaa'), { code: 'conflict' });
  assert.equal(await store.deleteSource('own'), true);
  assert.deepEqual(
    await kept.source('both'),
    source('both', 'of the api'),
    'it is back when the file is gone',
  );
  assert.equal(withFileSources(kept, undefined, []), kept);
});
