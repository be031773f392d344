import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  noPostgres,
  postgresPrograms,
  startTestPostgres,
  type TestPostgres,
} from '../../test/fixtures/postgres-server.ts';
import { readConfig } from '../config/config.ts';
import { Secret } from '../core/secret.ts';
import { LiveRecord } from '../record/live.ts';
import { Database } from '../sqlite/database.ts';
import { lockFolder } from '../sqlite/folder-lock.ts';
import { aLife } from '../store/contract/life.ts';
import type { StoredKey } from '../store/identities.ts';
import { copyRecord } from '../store/postgres/copy.ts';
import { openPostgresRecord } from '../store/postgres/open.ts';
import { createSqliteStore } from '../store/sqlite/store.ts';
import { migrateStore } from './migrate-store.ts';

describe('signalbox migrate-store', { skip: postgresPrograms() === undefined && noPostgres }, () => {
  let server: TestPostgres;
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-migrate-'));
  before(async () => {
    server = await startTestPostgres();
  });
  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const live = () => new LiveRecord({ onError: () => {} });
  const openShared = async (url: string) =>
    openPostgresRecord({ url: new Secret(url), variable: 'DATABASE_URL', poolSize: 2 }, live());
  const openFile = (name: string) => {
    const database = new Database(join(folder, name, 'signalbox.sqlite'));
    return { database, store: createSqliteStore(database, live()), close: () => database.close() };
  };
  const newFolder = (name: string) => {
    lockFolder(join(folder, name)).release();
    return openFile(name);
  };
  const run = async (name: string, args: readonly string[], environment: Record<string, string> = {}) => {
    const output: string[] = [];
    const context = {
      readConfig: () => readConfig({ SIGNALBOX_DATA_DIR: join(folder, name), ...environment }),
      signal: new AbortController().signal,
      ...{ columns: 80, colours: false },
      write: (text: string) => void output.push(text),
      writeError: (text: string) => void output.push(text),
    };
    const code = await migrateStore.run(args, context);
    return { code, text: output.join('') };
  };

  test('copies all of it, and what has come since; what is new stays newer', async () => {
    const url = await server.createDatabase();
    const file = newFolder('all');
    const lives = Array.from({ length: 300 }, () => aLife());
    const unfinished = aLife();
    await Promise.all(lives.map((life) => file.store.append(life.facts)));
    await file.store.append(unfinished.facts.slice(0, 3));
    const odd = {
      ...aLife().facts[0]!,
      data: { ...aLife().facts[0]!.data, query: 'NUL \0, half \ud83d, "\\"' },
    };
    await file.store.append([{ ...odd, id: 'x', subject: 'odd' }]);
    await file.store.disableEndpoint({ url: 'https://gone.example/', disabledAt: 1_000, reason: '410' });
    const source = {
      name: 'hub',
      scheme: 'github',
      secrets: [],
      starts: { flow: 'query' },
      options: {},
    } as const;
    await file.store.putSource(source);
    const key: StoredKey = {
      ...{ id: 'sb_1', name: 'crm', scopes: ['ingest'], sha256: '0'.repeat(64), createdAt: 1_000 },
      ...{ createdBy: 'me', expiresAt: null, revokedAt: null, lastUsedAt: 2_000 },
    };
    await file.store.putKey(key);
    const before = await file.store.conversations({ limit: 500 });
    const conversation = await file.store.conversation(lives[7]!.trackingId);
    const events = await file.store.events(lives[7]!.trackingId);
    const oddEvents = await file.store.events('odd');
    file.close();

    // A server has begun to use the database already.
    const shared = await openShared(url);
    const newer = aLife();
    await shared.store.append(newer.facts);
    const first = await run('all', ['--to', url]);
    assert.equal(first.code, 0);
    assert.match(
      first.text,
      /302 conversations with 2,404 events \(2,404 of them new\), 1 disabled endpoints and 1 sources/,
    );
    assert.deepEqual(await shared.store.conversation(lives[7]!.trackingId), conversation);
    assert.deepEqual(await shared.store.events(lives[7]!.trackingId), events);
    assert.deepEqual(await shared.store.events('odd'), oddEvents);
    const [latest, ...rest] = (await shared.store.conversations({ limit: 500 })).conversations;
    assert.equal(latest?.trackingId, newer.trackingId);
    const withoutNul = (text: string) => text.replaceAll('\0', '\ufffd');
    assert.deepEqual(
      rest,
      before.conversations.map((each) => ({ ...each, queryStart: withoutNul(each.queryStart) })),
    );
    assert.deepEqual((await shared.store.disabledEndpoints()).length, 1);
    assert.deepEqual(await shared.store.source('hub'), source);
    assert.deepEqual(await shared.store.keys(), [key]);

    // The old engine has ended its run meanwhile; an operator has changed something here.
    await shared.store.enableEndpoint('https://gone.example/');
    const again = openFile('all');
    await again.store.append(unfinished.facts);
    // Retention removes what came first; here it stays.
    const [gone] = lives;
    again.database.run('DELETE FROM events WHERE tracking_id = ?', gone!.trackingId);
    again.database.run('DELETE FROM conversations WHERE tracking_id = ?', gone!.trackingId);
    again.close();
    const second = await run('all', ['--json'], { DATABASE_URL: url });
    const told = JSON.parse(second.text) as Record<string, unknown>;
    assert.deepEqual([told.conversations, told.events, told.new_events], [301, 2_401, 5]);
    assert.equal((await shared.store.summary(unfinished.trackingId))?.status, 'delivered');
    assert.deepEqual(await shared.store.disabledEndpoints(), []);

    // Another installation has numbers of its own.
    const other = newFolder('other');
    const theirs = aLife();
    await other.store.append(theirs.facts);
    other.close();
    await run('other', ['--to', url]);
    assert.deepEqual(await shared.store.counts(), { delivered: 303, queued: 1 });
    await shared.close();
  });

  test('goes on where it was cut off, and says what differs', async () => {
    const file = newFolder('cut');
    const lives = Array.from({ length: 400 }, () => aLife());
    await Promise.all(lives.map((life) => file.store.append(life.facts)));
    const shared = await openShared(await server.createDatabase());
    const abort = new AbortController();
    const told: number[] = [];
    const cut = copyRecord({
      from: file.database,
      to: shared.database,
      signal: abort.signal,
      onProgress: ({ events }) => {
        told.push(events);
        if (events > 0) abort.abort();
      },
    });
    await assert.rejects(cut, { name: 'AbortError' });
    const whole = await copyRecord({ from: file.database, to: shared.database });
    assert.equal(whole.events, 3_200);
    assert.equal(whole.newEvents, 3_200 - told.at(-1)!);
    const same = await copyRecord({ from: file.database, to: shared.database });
    assert.deepEqual([same.newEvents, same.checksum], [0, whole.checksum]);
    for (const change of [
      `UPDATE conversations SET status = 'failed' WHERE id = 5`,
      `UPDATE events SET data = '{}' WHERE sequence = 77`,
      'DELETE FROM events WHERE sequence = 3200',
    ]) {
      await shared.database.write((sql) => sql.run(change));
      const again = copyRecord({ from: file.database, to: shared.database });
      await assert.rejects(again, { code: 'storage_failed', message: /^The copy differs\./ });
    }
    file.close();
    await shared.close();
  });

  test('refuses a folder that a server uses, one without a record, and what is no URL', async () => {
    const url = await server.createDatabase();
    newFolder('used').close();
    const lock = lockFolder(join(folder, 'used'));
    await assert.rejects(run('used', ['--to', url]), { code: 'data_dir_in_use' });
    lock.release();
    assert.match((await run('used', ['--to', url])).text, /^0 conversations with 0 events/);
    await assert.rejects(run('none', ['--to', url]), { code: 'not_found' });
    await assert.rejects(run('used', ['--to', 'mysql://x']), /--to is not a URL such as/);
    await assert.rejects(run('used', []), /Where to\?/);
  });
});
