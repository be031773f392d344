import { after, before, describe } from 'node:test';
import {
  noPostgres,
  postgresPrograms,
  startTestPostgres,
  type TestPostgres,
} from '../../../test/fixtures/postgres-server.ts';
import { Secret } from '../../core/secret.ts';
import { recordsContract } from '../../engine/contract/records.ts';
import { PostgresEngineRecords } from './engine-records.ts';
import { openPostgres } from './open.ts';

describe('in PostgreSQL', { skip: postgresPrograms() === undefined && noPostgres }, () => {
  let server: TestPostgres;
  before(async () => {
    server = await startTestPostgres();
  });
  after(() => server.close());

  recordsContract('PostgreSQL', async () => {
    const url = new Secret(await server.createDatabase());
    const open = () => openPostgres({ url, variable: 'DATABASE_URL', poolSize: 4 });
    const [one, other] = await Promise.all([open(), open()]);
    const close = async () => void (await Promise.all([one.close(), other.close()]));
    return { records: new PostgresEngineRecords(one), beside: new PostgresEngineRecords(other), close };
  });
});
