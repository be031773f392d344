import { createHash } from 'node:crypto';
import { SignalboxError } from '../../core/errors.ts';
import { openRow } from '../../encryption/sealed-table.ts';
import { eventContent } from '../content.ts';
import type { CopiedEvent, CopySource } from './copy-source.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { fileColumnValues, openedValues, summaryValuesText, transposed } from './rows.ts';

export interface Verified {
  readonly events: number;
  readonly conversations: number;
  /** SHA-256 over all events and conversations, the same on both sides. */
  readonly checksum: string;
}

/**
 * Reads both sides from end to end and compares each event and each conversation of the file. What the file does not have any more may be there
 * still. Throws `storage_failed` where they differ.
 */
export async function verifyCopy(
  source: CopySource,
  to: PostgresDatabase,
  offset: number,
  onProgress: (events: number) => void,
): Promise<Verified> {
  const hash = createHash('sha256');
  const events = await verifyEvents(source, to, offset, { hash, onProgress });
  const conversations = await verifyConversations(source, to, offset, hash);
  return { events, conversations, checksum: hash.digest('hex') };
}

type Hash = ReturnType<typeof createHash>;

const eventsText = `
  SELECT sequence - $1::bigint AS sequence, id, tracking_id, type, at, data::text AS data FROM events
  WHERE sequence > $1::bigint + $2::bigint AND sequence <= $1::bigint + $3::bigint ORDER BY sequence`;

async function verifyEvents(
  source: CopySource,
  to: PostgresDatabase,
  offset: number,
  { hash, onProgress }: { readonly hash: Hash; readonly onProgress: (events: number) => void },
): Promise<number> {
  let count = 0;
  for (let after = 0; ; ) {
    onProgress(count);
    const ours = source.eventsAfter(after);
    const last = ours.at(-1)?.sequence;
    if (last === undefined) return count;
    const theirs = await to.read(async (sql) =>
      (await sql.all<CopiedEvent>(eventsText, [offset, after, last])).map((event) => opened(sql, event)),
    );
    const found = new Map(theirs.map((event) => [event.sequence, eventLine(event)]));
    for (const event of ours) compare(eventLine(event), found.get(event.sequence), hash, to);
    count += ours.length;
    after = last;
  }
}

const opened = (sql: Transaction, event: CopiedEvent): CopiedEvent =>
  openRow(sql.content, eventContent, event);

const eventLine = ({ sequence, id, tracking_id, type, at, data }: CopiedEvent) =>
  `event ${JSON.stringify([sequence, tracking_id, id, type, at, data])}`;

async function verifyConversations(
  source: CopySource,
  to: PostgresDatabase,
  offset: number,
  hash: Hash,
): Promise<number> {
  let count = 0;
  for (let after = 0; ; ) {
    const ours = source.conversationsAfter(after, 1_000);
    if (ours.length === 0) return count;
    const ids = ours.map((row) => String(row.tracking_id));
    const theirs = await to.read(async (sql) =>
      (await sql.all<ConversationLine>(summaryValuesText, [ids])).map(({ id, values }) => ({
        id,
        values: openedValues(sql, values),
      })),
    );
    const found = new Map(
      theirs.map(({ id, values }) => [id - offset, conversationLine(id - offset, values)]),
    );
    const values = transposed(fileColumnValues(ours));
    for (const [at, { id }] of ours.entries()) {
      compare(conversationLine(Number(id), values[at]!), found.get(Number(id)), hash, to);
    }
    count += ours.length;
    after = Number(ours.at(-1)!.id);
  }
}

interface ConversationLine {
  readonly id: number;
  readonly values: readonly unknown[];
}

const conversationLine = (id: number, values: readonly unknown[]) =>
  `conversation ${JSON.stringify([id, ...values])}`;

function compare(ours: string, theirs: string | undefined, hash: Hash, to: PostgresDatabase): void {
  if (ours !== theirs) throw differs(ours, theirs, to);
  hash.update(ours).update('\n');
}

function differs(ours: string, theirs: string | undefined, to: PostgresDatabase): SignalboxError {
  const shown = (line = 'nothing') => (line.length > 200 ? `${line.slice(0, 200)}…` : line);
  return new SignalboxError(
    'storage_failed',
    `The copy differs. The data folder has ${shown(ours)}; PostgreSQL at ${to.server} has ${shown(theirs)}. Nothing is lost in the folder. Was the database changed by hand, or cleaned by a retention of it (SIGNALBOX_…_RETENTION_DAYS) meanwhile? Copy into an empty one.`,
    { retryable: false },
  );
}
