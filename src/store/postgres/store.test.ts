import { after, before, describe } from 'node:test';
import {
  noPostgres,
  postgresPrograms,
  startTestPostgres,
  type TestPostgres,
} from '../../../test/fixtures/postgres-server.ts';
import { Secret } from '../../core/secret.ts';
import { LiveRecord } from '../../record/live.ts';
import { testStore } from '../contract.ts';
import { openPostgres } from './open.ts';
import { createPostgresStore } from './store.ts';

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
      await Promise.all([one.database.close(), other.database.close()]);
    };
    return { store: one.store, beside: other.store, close };
  });
});

async function open(url: string) {
  const database = await openPostgres({ url: new Secret(url), variable: 'DATABASE_URL', poolSize: 4 });
  const live = new LiveRecord({
    onError: (error) => {
      throw error;
    },
  });
  return { database, live, store: createPostgresStore(database, live) };
}
