import type { StampedFact } from '../../src/engine/engine.ts';
import { type ConversationSummary, project } from '../../src/record/conversation.ts';
import { type RecordedEvent, toRecordedEvent } from '../../src/record/events.ts';
import { searchDocument } from '../../src/record/search/document.ts';
import type { PostgresDatabase, Transaction } from '../../src/store/postgres/database.ts';
import { wordsText } from '../../src/store/postgres/projections/search.ts';
import { addCompletions } from '../../src/store/postgres/projections/statistics.ts';
import { columnValues, putConversations } from '../../src/store/postgres/rows.ts';
import { Lives } from './fill.ts';

/** The last conversations of all, which the product writes and follows itself. */
export const ownLives = (count: number): number => Math.min(5_000, Math.floor(count / 2));
const livesAtOnce = 500;
/** Where numbers of events begin. */
const firstSequence = 1_000_000_000_000;
const patient = { statementTimeoutMs: 3_600_000 };

/**
 * Writes whole lives as the product leaves them, in the order of time, with search and statistics, by the statements of the product, but without
 * looking for what is there already, and with the indexes made in the end. One that was cut off goes on.
 */
export async function fill(database: PostgresDatabase, count: number): Promise<void> {
  const [present] = await database.read(
    (sql) => sql.all<{ n: number }>('SELECT count(*) AS n FROM conversations'),
    patient,
  );
  if (present!.n >= count) return;
  await database.write(dropIndexes, patient);
  const lives = new Lives(count);
  let sequence = firstSequence + present!.n * 7;
  let writing = Promise.resolve();
  for (let n = present!.n; n < count; n += livesAtOnce) {
    const group = Array.from({ length: Math.min(livesAtOnce, count - n) }, (_, at) => lives.facts(n + at));
    const events = group.map((facts) => facts.map((fact) => toRecordedEvent(fact, sequence++)));
    // The next group is made while the server writes this one.
    await writing;
    const facts = group.flat();
    writing = database.write((sql) => write(sql, facts, events), patient);
    writing.catch(() => {});
    if (n % 50_000 === 0) console.error(`${n} of ${count} conversations, ${new Date().toISOString()}`);
  }
  await writing;
  await database.write(async (sql) => {
    await sql.run(`ALTER TABLE events ALTER COLUMN sequence RESTART WITH ${sequence}`);
    await restoreIndexes(sql);
  }, patient);
}

async function write(sql: Transaction, facts: StampedFact[], lives: RecordedEvent[][]): Promise<void> {
  const events = lives.flat();
  await sql.run(
    `INSERT INTO events (sequence, id, tracking_id, type, at, data) OVERRIDING SYSTEM VALUE
     SELECT sequence, id, tracking_id, type, at, data::json
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
       AS fact (sequence, id, tracking_id, type, at, data)`,
    [
      events.map((event) => event.sequence),
      events.map((event) => event.id),
      events.map((event) => event.trackingId),
      events.map((event) => event.type),
      events.map((event) => event.at),
      facts.map((fact) => JSON.stringify(fact.data)),
    ],
  );
  const conversations = lives.map((life) => life.reduce(projected, undefined)!);
  const ids = lives.map((life) => life[0]!.sequence);
  await sql.run(putConversations, [ids, ...columnValues(sql, conversations)]);
  await sql.run(
    `INSERT INTO search_0 (id, words) SELECT id, words::tsvector FROM unnest($1::bigint[], $2::text[]) AS document (id, words)`,
    [ids, conversations.map((each, at) => wordsText(searchDocument(each, lives[at]!)))],
  );
  await addCompletions(sql, { generation: 0, keyId: null }, events);
  await sql.run(`UPDATE projections SET position = $1 WHERE name <> 'conversations'`, [
    events.at(-1)!.sequence,
  ]);
}

const projected = (before: ConversationSummary | undefined, event: RecordedEvent) =>
  project(before, event as Parameters<typeof project>[1]);

/** Those that hold no constraint, whose definitions are kept until they are made again. */
async function dropIndexes(sql: Transaction): Promise<void> {
  await sql.run(`CREATE TABLE IF NOT EXISTS dropped_indexes (definition TEXT NOT NULL)`);
  const rows = await sql.all<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
     WHERE schemaname = current_schema() AND tablename IN ('events', 'conversations', 'search_0')
       AND indexdef NOT LIKE 'CREATE UNIQUE%'`,
  );
  for (const { name, definition } of rows) {
    await sql.run('INSERT INTO dropped_indexes VALUES ($1)', [definition]);
    await sql.run(`DROP INDEX ${name}`);
  }
}

async function restoreIndexes(sql: Transaction): Promise<void> {
  for (const { definition } of await sql.all<{ definition: string }>('SELECT * FROM dropped_indexes')) {
    await sql.run(definition);
  }
  await sql.run('DROP TABLE dropped_indexes');
}
