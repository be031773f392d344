import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  noPostgres,
  postgresPrograms,
  startTestPostgres,
  type TestPostgres,
} from '../../../test/fixtures/postgres-server.ts';
import { Secret } from '../../core/secret.ts';
import { webhookTypes } from '../../record/events.ts';
import { LiveRecord } from '../../record/live.ts';
import { aLife } from '../contract/life.ts';
import type { Position } from '../cursor.ts';
import type { ConversationFilter } from '../store.ts';
import { withinMs } from './give-up.ts';
import { countInWindows, rowsInWindows } from './list.ts';
import { openPostgresRecord } from './open.ts';

describe('lists in windows of time', { skip: postgresPrograms() === undefined && noPostgres }, () => {
  let server: TestPostgres;
  before(async () => {
    server = await startTestPostgres();
  });
  after(() => server.close());

  const open = async () => {
    const options = { url: new Secret(await server.createDatabase()), variable: 'DATABASE_URL' };
    return openPostgresRecord(options, new LiveRecord({ onError: () => {} }));
  };

  test('have what a list has, page by page, however far apart it is', async () => {
    const { store, database, close } = await open();
    const [start, day] = [1_500_000_000_000, 86_400_000];
    const lives = Array.from({ length: 60 }, (_, n) =>
      aLife({
        // Some in the same millisecond, some years apart.
        at: start + Math.floor(n / 3) * (n % 7 === 0 ? 900 : 3) * day,
        ...{ sourceSystem: `s${n % 3}`, webhookType: webhookTypes[n % 4]! },
      }),
    );
    for (const life of lives) await store.append(life.facts);
    const filters: ConversationFilter[] = [
      { sourceSystem: 's1', webhookType: webhookTypes[2]! },
      { sourceSystem: 's0', status: 'delivered' },
      { sourceSystem: 's2', status: 'failed' },
      { sourceSystem: 's0', status: 'delivered', from: start + 10 * day, to: start + 5_000 * day },
    ];
    for (const filter of filters) {
      const { conversations } = await store.conversations({ ...filter, limit: 100 });
      assert.equal(conversations.length > 0, filter.status !== 'failed');
      await database.read(async (sql) => {
        const found: string[] = [];
        let place: Position | undefined;
        do {
          const { rows, end } = await rowsInWindows(sql, filter, place, 2);
          found.push(...rows.map((row) => row.trackingId));
          place = rows.length < 2 ? end : rows.at(-1);
        } while (place !== undefined);
        assert.deepEqual(
          found,
          conversations.map((each) => each.trackingId),
        );
        const { count, isAll } = await countInWindows(sql, filter);
        assert.ok(count === found.length || (count < found.length && !isAll));
      });
    }
    await close();
  });

  test('take the place of a statement that takes too long, in the same transaction', async () => {
    const { database, close } = await open();
    await database.read(async (sql) => {
      assert.equal(await withinMs(sql, 40, () => sql.all('SELECT pg_sleep(10)')), undefined);
      assert.deepEqual(await sql.all('SELECT 1 AS one'), [{ one: 1 }]);
      await assert.rejects(
        withinMs(sql, 40, () => sql.all('SELECT 1 / 0')),
        { code: '22012' },
      );
    });
    await close();
  });
});
