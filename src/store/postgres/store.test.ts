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
import { openPostgresRecord } from './open.ts';

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
    return { ...one, beside: other.store, close };
  });
});

async function open(url: string) {
  const live = new LiveRecord({
    onError: (error) => {
      throw error;
    },
  });
  const options = { url: new Secret(url), variable: 'DATABASE_URL', poolSize: 4 };
  const record = await openPostgresRecord(options, live);
  record.begin();
  return { ...record, live };
}
