import { Secret } from '../../src/core/secret.ts';
import { LiveRecord } from '../../src/record/live.ts';
import { openPostgresRecord } from '../../src/store/postgres/open.ts';
import { serveJobs } from '../process/job.ts';
import { Lives } from './fill.ts';

export interface PostgresJob {
  readonly url: string;
  readonly count: number;
  /** No more are written after so long. */
  readonly loadMs: number;
}

/** What a record in PostgreSQL takes. */
export interface PostgresFilled {
  readonly count: number;
  readonly fillSeconds: number;
  readonly followSeconds: number;
  readonly recordBytes: number;
  readonly projectionBytes: number;
}

const atOnce = 250;

serveJobs<PostgresJob, PostgresFilled>(async ({ url, count: wanted, loadMs }) => {
  const live = new LiveRecord({ onError: () => {} });
  const options = { url: new Secret(url), variable: 'DATABASE_URL' };
  const { store, database, follower, close } = await openPostgresRecord(options, live);
  follower.stop();
  const begun = performance.now();
  const lives = new Lives(wanted);
  // Those that are written when the time is over are the oldest of all; so their numbers are spread over all of it.
  const order = spread(Math.ceil(wanted / atOnce));
  let count = 0;
  for (const group of order) {
    if (performance.now() - begun >= loadMs) break;
    const facts = Array.from({ length: atOnce }, (_, at) => lives.facts(group * atOnce + at));
    await store.append(facts.flat());
    count += atOnce;
  }
  const fillSeconds = (performance.now() - begun) / 1_000;
  const sizeOf = async (tables: string) => {
    const text = `SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class WHERE relname = ANY ($1)`;
    const [row] = await database.read((sql) => sql.all<{ bytes: string }>(text, [tables.split(' ')]));
    return Number(row!.bytes);
  };
  const followBegun = performance.now();
  await follower.catchUp();
  const followSeconds = (performance.now() - followBegun) / 1_000;
  // As the server does by itself when it has time.
  const patient = { statementTimeoutMs: 600_000 };
  await database.write((sql) => sql.run('ANALYZE'), patient);
  const result = {
    ...{ count, fillSeconds, followSeconds },
    recordBytes: await sizeOf('events conversations'),
    projectionBytes: await sizeOf('search_0 search_1 statistics'),
  };
  await close();
  return result;
});

/** All numbers below one, those that are a multiple of a high power of two first. */
function spread(count: number): number[] {
  const order: number[] = [0];
  for (let step = 2 ** Math.ceil(Math.log2(count)); step >= 1; step /= 2) {
    for (let at = step; at < count; at += step * 2) order.push(at);
  }
  return order;
}
