import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fastify from 'fastify';
import Type from 'typebox';

/**
 * What the same parts can do at best: Fastify checks the body by a schema, one row is inserted, and the answer goes out once the
 * transaction that all requests of a turn share is synced. No key, no limit, no run, no record.
 */
const [folder, sample] = process.argv.slice(2) as [string, string];
const text = Type.String({ minLength: 1, maxLength: 10_000 });
const body = Type.Object({ query: text, source_system: text, source_process: text, timestamp: text });

const database = new DatabaseSync(join(folder, 'reference.sqlite'));
database.exec(
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; CREATE TABLE requests (id TEXT, body TEXT)',
);
const insert = database.prepare('INSERT INTO requests VALUES (?, ?)');
const [begin, commit] = ['BEGIN IMMEDIATE', 'COMMIT'].map((sql) => database.prepare(sql));

interface Waiting {
  readonly text: string;
  readonly resolve: () => void;
}
let group: Waiting[] = [];

function commitGroup(): void {
  const writes = group;
  group = [];
  begin!.run();
  for (const { text } of writes) insert.run(randomUUID(), text);
  commit!.run();
  for (const { resolve } of writes) resolve();
}

const server = fastify();
server.post('/webhook', { schema: { body } }, async (request, reply) => {
  await new Promise<void>((resolve) => {
    if (group.length === 0) setImmediate(commitGroup);
    group.push({ text: JSON.stringify(request.body), resolve });
  });
  return reply.code(202).type('application/json; charset=utf-8').send(sample);
});
await server.listen({ port: 0, host: '127.0.0.1' });
process.send!((server.server.address() as AddressInfo).port);
