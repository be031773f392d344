import { setTimeout as pause } from 'node:timers/promises';
import { Secret } from '../../src/core/secret.ts';
import { createPostgresLeases } from '../../src/store/postgres/leases.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';

/**
 * A process that does a leader's job over and over, in pieces of one transaction each: node lease-child.ts URL TTL. Writes a line for each
 * job that it could not end because another process had the lease.
 */
const [url, ttlText] = process.argv.slice(2);
const ttlMs = Number(ttlText);
const piecesOfAJob = 5;

const database = await openPostgres({
  ...{ url: new Secret(url!), variable: 'DATABASE_URL', poolSize: 2, patienceMs: 60_000 },
  statementTimeoutMs: 2_000,
});
const leases = createPostgresLeases(database);

for (;;) {
  const lease = await leases.take('job', ttlMs);
  if (lease === undefined) {
    await pause(20);
    continue;
  }
  for (let piece = 0; piece < piecesOfAJob; piece++) {
    // The process may be stopped before a piece, or in the middle of its transaction.
    await pause(10);
    const isOurs = await database.write(async (sql) => {
      if (!(await lease.renewIn(sql, ttlMs))) return false;
      await pause(10);
      const values = [lease.fence, process.pid, piece];
      await sql.run('INSERT INTO pieces (fence, process, piece) VALUES ($1, $2, $3)', values);
      return true;
    });
    if (isOurs) continue;
    process.stdout.write(`fenced off at piece ${piece} of fence ${lease.fence}\n`);
    break;
  }
  await lease.release();
}
