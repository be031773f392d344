import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  noPostgres,
  postgresPrograms,
  startTestPostgres,
  type TestPostgres,
} from '../../../test/fixtures/postgres-server.ts';
import { Secret } from '../../core/secret.ts';
import { LiveRecord } from '../../record/live.ts';
import { aLife } from '../contract/life.ts';
import { openPostgresRecord } from './open.ts';

describe('PostgreSQL goes away', { skip: postgresPrograms() === undefined && noPostgres }, () => {
  let server: TestPostgres;
  before(async () => {
    server = await startTestPostgres();
  });
  after(() => server.close());

  const open = async (url: string, patienceMs = 60_000) => {
    const live = new LiveRecord({ onError: () => {} });
    const options = { url: new Secret(url), variable: 'DATABASE_URL', poolSize: 4, patienceMs };
    const record = await openPostgresRecord(options, live);
    record.begin();
    return { ...record, live };
  };

  test('in the middle of load, in every way: each fact is there once, in an order that no reader saw change', async () => {
    const url = await server.createDatabase();
    const records = await Promise.all([open(url), open(url)]);
    const { store, database } = records[0]!;
    const published: string[] = [];
    for (const { live } of records) live.subscribeAll((event) => published.push(event.id));
    const written: ReturnType<typeof aLife>[] = [];
    let over = false;
    const write = async (writer: number) => {
      while (!over) {
        const life = aLife();
        const into = records[writer % 2]!.store;
        for (const fact of life.facts) await into.append([fact]);
        written.push(life);
      }
    };
    const writing = Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
    const seen: number[] = [];
    const text = 'SELECT sequence FROM events WHERE sequence > $1 ORDER BY sequence LIMIT 500';
    const read = async () => {
      const rows = await database.read((sql) => sql.all<{ sequence: number }>(text, [seen.at(-1) ?? 0]));
      seen.push(...rows.map((row) => row.sequence));
      return rows.length;
    };
    const reading = (async () => {
      while (!over) await read();
    })();
    for (const how of ['immediate', 'kill', 'fast'] as const) {
      const enough = written.length + 16;
      while (written.length < enough) await pause(5);
      await server.stop(how);
      await server.start();
    }
    await database.write((sql) =>
      sql.run(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = $1',
        ['client backend'],
      ),
    );
    const enough = written.length + 16;
    while (written.length < enough) await pause(5);
    over = true;
    await Promise.all([writing, reading]);
    while ((await read()) > 0);

    const facts = written.flatMap((life) => life.facts);
    const all = await database.read((sql) =>
      sql.all<{ sequence: number; id: string }>('SELECT sequence, id FROM events ORDER BY 1'),
    );
    assert.deepEqual(new Set(all.map((row) => row.id)), new Set(facts.map((fact) => fact.id)));
    assert.equal(all.length, facts.length);
    assert.deepEqual(
      seen,
      all.map((row) => row.sequence),
    );
    assert.deepEqual(await store.counts(), { delivered: written.length });
    for (const life of written) {
      const ids = (await store.events(life.trackingId)).map((event) => event.id);
      assert.deepEqual(
        ids,
        life.facts.map((fact) => fact.id),
      );
    }
    assert.deepEqual(published.sort(), facts.map((fact) => fact.id).sort(), 'each event is told once');
    await Promise.all(records.map((record) => record.close()));
  });

  test('or takes no writes any more: health says so', async () => {
    const url = await server.createDatabase();
    const { database, close } = await open(url, 200);
    assert.equal(await database.problem(), undefined);
    const name = new URL(url).pathname.slice(1);
    await database.write((sql) => sql.run(`ALTER DATABASE "${name}" SET default_transaction_read_only = on`));
    await close();
    // As connections are that come after it: a stand-by, or a server whose operator has stopped writing.
    const other = await open(url, 200).catch((error: Error) => error);
    const problem = other instanceof Error ? other : await other.database.problem();
    assert.match(String(problem), /read-only/);
    if (!(other instanceof Error)) await other.close();
  });

  test('and stays away: a call fails with what to do, health says so, limits are counted alone, and all goes on after it', async () => {
    const { store, database, rateLimits, live, close } = await open(await server.createDatabase(), 200);
    const life = aLife();
    await store.append(life.facts.slice(0, 1));
    await server.stop('fast');
    await assert.rejects(store.append(life.facts), {
      code: 'storage_failed',
      retryable: true,
      message: /Check that it runs and can be reached/,
    });
    await assert.rejects(store.summary(life.trackingId), { code: 'storage_failed' });
    assert.match(String(await database.problem()), /ECONNREFUSED|terminat/);
    const limit = { count: 1, windowMs: 60_000 };
    const quotas = [await rateLimits.take('crm', limit), await rateLimits.take('crm', limit)];
    assert.deepEqual(
      quotas.map((quota) => quota.allowed),
      [true, false],
    );
    await server.start();
    await store.append(life.facts);
    assert.equal(await database.problem(), undefined);
    assert.equal((await store.summary(life.trackingId))?.status, 'delivered');
    assert.deepEqual(live.followed, []);
    await close();
  });
});
