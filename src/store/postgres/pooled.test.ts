import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { contentUnder } from '../../../test/fixtures/encryption.ts';
import { catchUpWith } from '../../../test/fixtures/postgres-search.ts';
import {
  noPostgres,
  postgresPrograms,
  startTestPostgres,
  type TestPostgres,
} from '../../../test/fixtures/postgres-server.ts';
import { sweepSystemEvents } from '../../../test/fixtures/postgres-sweep.ts';
import { startTransactionPooler } from '../../../test/fixtures/transaction-pooler.ts';
import { Secret } from '../../core/secret.ts';
import type { Content } from '../../encryption/content.ts';
import { LiveRecord } from '../../record/live.ts';
import { testStore } from '../contract/contract.ts';
import { openPostgresRecord } from './open.ts';

describe('PostgreSQL behind a pooler of transactions', {
  skip: postgresPrograms() === undefined && noPostgres,
}, () => {
  let server: TestPostgres;
  before(async () => {
    server = await startTestPostgres();
  });
  after(() => server.close());

  // Encrypted as well: neither has to do with the other.
  testStore('pooled, encrypted', async () => {
    const pooler = await startTransactionPooler(await server.createDatabase());
    const content = contentUnder();
    const [one, other] = await Promise.all([1, 2].map(() => open(pooler.url('any'), content)));
    const close = async () => {
      await Promise.all([one!.close(), other!.close()]);
      const left = `SELECT current_setting('statement_timeout') AS timeout,
        (SELECT count(*) FROM pg_prepared_statements) AS statements,
        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks`;
      for (const row of await pooler.ask(left)) {
        assert.deepEqual(
          row,
          { timeout: '0', statements: '0', locks: '0' },
          'nothing is left on a connection',
        );
      }
      await pooler.close();
    };
    return {
      ...one!,
      beside: { ...other!.store, ...other! },
      wholeWordsOnly: true,
      catchUp: () => catchUpWith(one!),
      sweepSystemEvents: (keep, now) => sweepSystemEvents(one!, keep, now),
      close,
    };
  });

  test('the pooler does what it is there for: what a session has set is not there for its next transaction', async () => {
    const pooler = await startTransactionPooler(await server.createDatabase());
    const client = new pg.Client({ connectionString: pooler.url('any') });
    await client.connect();
    await client.query("SET statement_timeout = '7s'");
    const { rows } = await client.query('SHOW statement_timeout');
    assert.deepEqual(rows, [{ statement_timeout: '0' }]);
    await assert.rejects(async () => {
      for (let n = 0; n < 3; n++) await client.query({ name: 'kept', text: 'SELECT 1' });
    }, /prepared statement "kept" does not exist/);
    await client.end();
    await pooler.close();
  });
});

async function open(url: string, content: Content) {
  const live = new LiveRecord({
    onError: (error) => {
      throw error;
    },
  });
  const options = { url: new Secret(url), variable: 'DATABASE_URL', poolSize: 4, content };
  const record = await openPostgresRecord(options, live);
  record.begin();
  return { ...record, live };
}
