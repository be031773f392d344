import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LiveRecord } from '../../../record/live.ts';
import { parseSearch } from '../../../record/search/query.ts';
import { Database } from '../../../sqlite/database.ts';
import { inspectFile } from '../../../sqlite/inspect.ts';
import { aLife } from '../../contract/life.ts';
import { createSqliteStore } from '../store.ts';
import { clearSearch, isSearchClear } from './search.ts';

test('an index is emptied in pieces: at each time the file is whole, and conversations are erased and removed meanwhile', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-emptying-'));
  const database = new Database(join(folder, 'signalbox.sqlite'));
  context.after(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
  const answer = (n: number) =>
    Array.from({ length: 80 }, (_, at) => `word${(n * 31 + at * 7) % 997}`).join(' ');
  const lives = Array.from({ length: 120 }, (_, n) => aLife({ query: `find ${n}`, answer: answer(n) }));
  for (const life of lives) await store.append(life.facts);
  await store.follower.catchUp();
  // What was searched before is no longer: as when it was made anew.
  database.run(`INSERT INTO search_1 (rowid, question, facets) SELECT id, 'find', '' FROM conversations`);
  database.run(`UPDATE projections SET generation = 1 WHERE name = 'search'`);
  const sizes = () =>
    ['docsize', 'idx', 'data'].map(
      (part) => database.get<{ n: number }>(`SELECT count(*) AS n FROM search_0_${part}`)!.n,
    );
  const before = sizes();
  assert.ok(Math.min(...before) > 5, `${before}`);
  const seen = new Set<string>();
  for (let piece = 0, isEmpty = false; !isEmpty; piece++) {
    isEmpty = await database.write((sql) => clearSearch(sql, 0, 5));
    seen.add(
      sizes()
        .map((size, at) => (size < before[at]! ? (size > 2 ? 'less' : 'none') : 'all'))
        .join(),
    );
    assert.equal(isEmpty, isSearchClear(database, 0));
    assert.deepEqual(inspectFile(database.path).problems, [], `after piece ${piece}`);
    const life = lives[piece % lives.length]!;
    assert.equal(await store.erase(life.trackingId, { runId: 'run', by: 'me', at: 1 }), 'erased');
  }
  assert.deepEqual(
    [...seen],
    ['less,all,all', 'none,all,all', 'none,less,all', 'none,none,all', 'none,none,less', 'none,none,none'],
  );
  const { found } = await store.search({ query: parseSearch('find'), limit: 500 });
  assert.ok(found.length > 0);
  await store.rebuild(['search']);
  await store.follower.catchUp();
  assert.equal((await store.search({ query: parseSearch('find'), limit: 500 })).found.length, found.length);
  assert.deepEqual(inspectFile(database.path).problems, []);
});
