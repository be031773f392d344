import Fastify from 'fastify';
import { uuidv7 } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import type { AppPorts } from '../../src/http/ports.ts';
import { registerConversations } from '../../src/http/routes/conversations.ts';
import { registerProjections } from '../../src/http/routes/projections.ts';
import { registerSearch } from '../../src/http/routes/search.ts';
import { registerStatistics } from '../../src/http/routes/statistics.ts';
import { LiveRecord } from '../../src/record/live.ts';
import { openPostgresRecord } from '../../src/store/postgres/open.ts';
import { serveJobs } from '../process/job.ts';
import { Lives } from './fill.ts';

/**
 * The product's routes that read, over a record in PostgreSQL, and an address that writes what an accepted question does. Engine and agents are left
 * out: they are measured elsewhere.
 */
export interface DoorJob {
  readonly url: string;
  readonly port: number;
}

serveJobs<DoorJob, never>(async ({ url, port }) => {
  const live = new LiveRecord({ onError: () => {} });
  const record = await openPostgresRecord({ url: new Secret(url), variable: 'DATABASE_URL' }, live);
  record.begin();
  const app = Fastify();
  app.setErrorHandler((error, _, reply) => {
    console.error(error);
    return reply.code(500).send();
  });
  const ports = { store: record.store, options: {} } as unknown as AppPorts;
  for (const register of [registerConversations, registerSearch, registerStatistics, registerProjections]) {
    register(app, ports);
  }
  const lives = new Lives(1);
  // Made before: the words of a question take as long as its way into the record.
  const questions = Array.from({ length: 500 }, (_, n) => lives.facts(n)[0]!);
  let accepted = 0;
  app.post('/webhook', async (_, reply) => {
    const at = Date.now();
    const subject = uuidv7(at);
    const question = questions[accepted++ % questions.length]!;
    await record.store.append([{ ...question, subject, id: `${subject}/0/1/0`, at }]);
    return reply.code(202).send({ success: true });
  });
  await app.listen({ host: '127.0.0.1', port });
  return new Promise<never>(() => {});
});
