// The process that the test of projections on PostgreSQL kills: it makes all of them anew, or goes on with that, in small pieces, until they are up to date.
import { Secret } from '../../src/core/secret.ts';
import { LiveRecord } from '../../src/record/live.ts';
import { projectionNames } from '../../src/record/projections.ts';
import { openPostgresRecord } from '../../src/store/postgres/open.ts';
import { followPiece } from '../../src/store/postgres/projections/following.ts';

const url = new Secret(process.argv[2]!);
const record = await openPostgresRecord(
  { url, variable: 'DATABASE_URL' },
  new LiveRecord({ onError: () => {} }),
);
const states = await record.store.projections();
if (states.every(({ behind, rebuilding }) => behind === 0 && rebuilding === null)) {
  await record.store.rebuild(projectionNames);
}
process.stdout.write('begun\n');
while (!(await followPiece(record.database, 7)).isThrough);
await record.close();
