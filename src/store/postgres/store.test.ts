import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { contentUnder, newKey } from '../../../test/fixtures/encryption.ts';
import { catchUpWith } from '../../../test/fixtures/postgres-search.ts';
import {
  noPostgres,
  postgresPrograms,
  startTestPostgres,
  type TestPostgres,
} from '../../../test/fixtures/postgres-server.ts';
import { sweepSystemEvents } from '../../../test/fixtures/postgres-sweep.ts';
import { Secret } from '../../core/secret.ts';
import type { Content } from '../../encryption/content.ts';
import { LiveRecord } from '../../record/live.ts';
import { parseSearch } from '../../record/search/query.ts';
import { recordTables } from '../content.ts';
import { testStore } from '../contract/contract.ts';
import { aLife } from '../contract/life.ts';
import { checkPieceSize } from '../contract/piece-size.ts';
import { pieceBytes } from '../gap.ts';
import { recordRetention } from './conversation-retention.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { openPostgresRecord } from './open.ts';
import { followPiece, searchUnder } from './projections/following.ts';
import { forgetOtherKeys, resealing } from './resealing.ts';
import { PostgresRetention } from './retention.ts';
import { searchConversations } from './search.ts';

describe('the PostgreSQL store', { skip: postgresPrograms() === undefined && noPostgres }, () => {
  let server: TestPostgres;
  before(async () => {
    server = await startTestPostgres();
  });
  after(() => server.close());

  testStore('postgres', async () => {
    const url = await server.createDatabase();
    const [one, other] = await Promise.all([open(url), open(url)]);
    const close = async () => {
      await Promise.all([one.close(), other.close()]);
    };
    return {
      ...one,
      beside: { ...other.store, ...other },
      catchUp: () => catchUpWith(one),
      sweepSystemEvents: (keep, now) => sweepSystemEvents(one, keep, now),
      close,
    };
  });

  test('words that were read before an erasure and written after it do not stay in the search', async () => {
    const { store, database, follower, close } = await open(await server.createDatabase());
    const life = aLife();
    await store.append(life.facts);
    await follower.catchUp();
    const words = await database.read((sql) =>
      sql.all<{ id: number; words: string }>('SELECT * FROM search_0'),
    );
    await store.erase(life.trackingId, { runId: 'run', by: 'me', at: 9 });
    await database.write((sql) =>
      sql.run('INSERT INTO search_0 VALUES ($1, $2::tsvector)', [words[0]!.id, words[0]!.words]),
    );
    const found = async () => (await store.search({ query: parseSearch('IXIS') })).found.length;
    assert.equal(await found(), 1);
    await follower.catchUp();
    assert.equal(await found(), 0);
    await close();
  });

  test('what is far behind is searched from its newest to its oldest', async () => {
    const { store, database, follower, close } = await open(await server.createDatabase());
    follower.stop();
    const lives = Array.from({ length: 30 }, (_, n) => aLife({ query: `find ${n}` }));
    const find = async () => {
      const { found, behind } = await store.search({ query: parseSearch('find') });
      const at = found.map(({ summary }) =>
        lives.findIndex((life) => life.trackingId === summary.trackingId),
      );
      return { found: at, behind };
    };
    for (const life of lives) await store.append(life.facts);
    const [counted] = await database.read((sql) =>
      sql.all<{ n: number }>('SELECT count(*) AS n FROM events'),
    );
    const all = counted!.n;
    const pieceOf = (lives: number) => followPiece(database, (all / 30) * lives, 50);
    await pieceOf(5);
    assert.deepEqual(await find(), { found: [], behind: all });
    await pieceOf(5);
    assert.deepEqual((await find()).found, [29, 28, 27, 26, 25]);
    while (!(await pieceOf(5)).isThrough);
    assert.deepEqual(await find(), { found: [...lives.keys()].reverse(), behind: 0 });
    await close();
  });

  test('what an index had that is emptied while it is read is found in the one that has taken its place', async () => {
    const { store, database, follower, close } = await open(await server.createDatabase());
    follower.stop();
    const lives = Array.from({ length: 5 }, () => aLife({ query: 'find' }));
    for (const life of lives) await store.append(life.facts);
    await follower.catchUp();
    let swaps = 0;
    const read: PostgresDatabase['read'] = (work) =>
      database.read(async (sql) => {
        const all: Transaction['all'] = async (...asked) => {
          const rows = await sql.all(...asked);
          if (swaps++ === 0) {
            await store.rebuild(['search']);
            await follower.catchUp();
          }
          return rows as never;
        };
        return work(Object.create(sql, { all: { value: all } }) as Transaction);
      });
    const swapping = Object.create(database, { read: { value: read } }) as PostgresDatabase;
    const { found } = await searchConversations(swapping, { query: parseSearch('find') });
    assert.equal(found.length, lives.length);
    const left = await database.read((sql) =>
      sql.all<{ n: number }>(
        'SELECT least((SELECT count(*) FROM search_0), (SELECT count(*) FROM search_1)) AS n',
      ),
    );
    assert.equal(left[0]!.n, 0, 'nothing is left of the one that was read before');
    await close();
  });

  test('a piece ends before it is large, so that the process has room for it', async () => {
    const { store, database, follower, close } = await open(await server.createDatabase());
    follower.stop();
    const large = randomBytes(pieceBytes * 0.1).toString('base64');
    await checkPieceSize({ store, large, piece: (limit) => followPiece(database, limit) });
    await close();
  });

  test('matches are found newest first however far apart their numbers are', async () => {
    const { store, database, follower, close } = await open(await server.createDatabase());
    follower.stop();
    const lives = Array.from({ length: 40 }, (_, n) => aLife({ query: n % 3 === 0 ? 'find' : 'pass by' }));
    let next = 1;
    for (const [n, life] of lives.entries()) {
      // Blocks of the index, some in a row, and what copies of other records leave out between them.
      next += n % 10 === 9 ? 10 ** 9 : 2_000 * n;
      await database.write((sql) =>
        sql.run(`ALTER TABLE events ALTER COLUMN sequence RESTART WITH ${10 ** 12 + next}`),
      );
      await store.append(life.facts);
    }
    await follower.catchUp();
    const all = [...lives.keys()].reverse().filter((n) => n % 3 === 0);
    for (const asked of ['find', 'fin*', 'fin* -pass']) {
      const found: string[] = [];
      let after: string | undefined;
      do {
        const page = await store.search({ query: parseSearch(asked), limit: 4, ...(after && { after }) });
        found.push(...page.found.map(({ summary }) => summary.trackingId));
        after = page.next;
      } while (after !== undefined);
      assert.deepEqual(
        found,
        all.map((n) => lives[n]!.trackingId),
        asked,
      );
    }
    await close();
  });

  test('of many processes one removes old conversations, in pieces; one whose lease is over stops', async () => {
    const url = await server.createDatabase();
    const records = await Promise.all(Array.from({ length: 4 }, () => open(url)));
    const { store } = records[0]!;
    const old = Array.from({ length: 25 }, () => aLife());
    await Promise.all(old.map((life) => store.append(life.facts)));
    const unfinished = aLife();
    await store.append(unfinished.facts.slice(0, 4));
    const later = aLife().facts[7]!.at + 10 * 86_400_000;
    const retentions = records.map(
      ({ database, leases }) =>
        new PostgresRetention({
          database,
          leases,
          tasks: [recordRetention({ all: null, byType: { deal_analysis: 7 * 86_400_000 } })],
          clock: () => later,
          pieceSize: 7,
        }),
    );
    const swept = await Promise.all(retentions.map((retention) => retention.sweep()));
    assert.deepEqual(
      swept.filter((removed) => removed !== undefined),
      [{ conversations: 25 }],
      'the others neither sweep meanwhile nor right after it',
    );
    assert.deepEqual(await store.counts(), { processing: 1 });
    assert.deepEqual(await store.events(old[0]!.trackingId), []);
    assert.equal((await store.events(unfinished.trackingId)).length, 4);

    const { leases, database } = records[1]!;
    const lease = (await leases.take('other', 1))!;
    // The millisecond has to be over.
    while ((await records[2]!.leases.take('other', 60_000)) === undefined);
    assert.equal(await database.write((sql) => lease.renewIn(sql, 60_000)), false);
    await Promise.all(records.map((record) => record.close()));
  });

  test('everything is put under a newer key, by one process at a time, and no word is in any column', async () => {
    const url = await server.createDatabase();
    const [older, newer] = [newKey(), newKey()];
    const [word, answer] = ['zqplainword', 'zqanswerword'];
    const plain = await open(url);
    await plain.store.append(aLife({ query: `What is ${word}?`, answer }).facts);
    await plain.close();
    const old = await open(url, contentUnder(older));
    await old.store.append(aLife({ query: `And ${word}?`, answer }).facts);
    await old.close();
    await assert.rejects(open(url), { code: 'encryption_key_missing' });
    await assert.rejects(open(url, contentUnder(newer)), { code: 'encryption_key_missing' });
    const content = contentUnder(newer, older);
    const both = await Promise.all([1, 2].map(() => open(url, content)));
    const sweep = ({ database, leases }: (typeof both)[number]) => {
      const tasks = recordTables.map((table) =>
        resealing(table, ({ unreadable }) => assert.equal(unreadable, 0)),
      );
      return new PostgresRetention({ database, leases, tasks, lease: 'encryption', everyMs: 0 }).sweep();
    };
    const swept = await Promise.all(both.map(sweep));
    assert.ok(swept.some((removed) => (removed?.events ?? 0) > 8));
    assert.deepEqual(await sweep(both[0]!), { events: 0, conversations: 0, sources: 0 });
    const [{ store, database, follower }] = both as [(typeof both)[number]];
    await store.rebuild(['search']);
    const move = () => database.read((sql) => searchUnder(sql, content.keyId!));
    while ((await move()) !== 'moved') await follower.catchUp();
    await forgetOtherKeys(database, content.keyId!);
    await Promise.all(both.map((record) => record.close()));
    const after = await open(url, contentUnder(newer));
    const { found } = await after.store.search({ query: parseSearch(`${word} ${answer}`) });
    assert.equal(found.length, 2);
    const rows = await after.database.read(async (sql) => {
      const tables = await sql.all<{ name: string }>(
        `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()`,
      );
      const texts = await Promise.all(
        tables.map(({ name }) => sql.all<object>(`SELECT whole::text FROM "${name}" AS whole`)),
      );
      return JSON.stringify(texts);
    });
    assert.ok(rows.includes('$sb1$') && rows.includes(found[0]!.summary.trackingId));
    assert.ok(!rows.includes(word) && !rows.includes(answer));
    await after.close();
  });
});

async function open(url: string, content?: Content) {
  const live = new LiveRecord({
    onError: (error) => {
      throw error;
    },
  });
  const options = {
    url: new Secret(url),
    variable: 'DATABASE_URL',
    poolSize: 4,
    ...(content && { content }),
  };
  const record = await openPostgresRecord(options, live);
  record.begin();
  return { ...record, live };
}
