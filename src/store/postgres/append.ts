import { sealValue } from '../../encryption/sealed-table.ts';
import type { StampedFact } from '../../engine/engine.ts';
import { type ConversationSummary, project } from '../../record/conversation.ts';
import { isEventType, type RecordedEvent, toRecordedEvent } from '../../record/events.ts';
import { eventContent } from '../content.ts';
import type { Transaction } from './database.ts';
import { takeLock } from './locks.ts';
import { tellOthers } from './news.ts';
import { columnValues, putConversations, summaryColumns, toSummary } from './rows.ts';

/**
 * Writes facts into the record and projects them; returns the events that were not there yet.
 *
 * One writer at a time, in all processes: whoever holds the lock gives out sequence numbers and commits before the next one
 * gets it, so that numbers become visible in their order and a reader who goes on after the greatest that it has seen
 * misses nothing. The server lets go of the lock once the commit is visible. As nobody else writes conversations meanwhile,
 * they are read, projected by the pure projection, and put back.
 */
export async function appendFacts(sql: Transaction, facts: readonly StampedFact[]): Promise<RecordedEvent[]> {
  await takeLock(sql, 'append');
  const sequences = await insertEvents(sql, facts);
  const events = facts.flatMap((fact) => {
    const sequence = sequences.get(keyOf(fact.subject, fact.id));
    sequences.delete(keyOf(fact.subject, fact.id));
    return sequence === undefined || !isEventType(fact.type) ? [] : [toRecordedEvent(fact, sequence)];
  });
  if (events.length === 0) return events;
  await projectEvents(sql, events);
  await tellOthers(sql);
  return events;
}

const keyOf = (subject: string, id: string) => JSON.stringify([subject, id]);

/** The sequence numbers of those that were not there yet, in the order of the facts. */
async function insertEvents(sql: Transaction, facts: readonly StampedFact[]): Promise<Map<string, number>> {
  const rows = await sql.all<{ sequence: number; tracking_id: string; id: string }>(
    `INSERT INTO events (id, tracking_id, type, at, data)
     SELECT id, tracking_id, type, at, data::json
     FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
       WITH ORDINALITY AS fact (id, tracking_id, type, at, data, place)
     ORDER BY place
     ON CONFLICT (tracking_id, id) DO NOTHING
     RETURNING sequence, tracking_id, id`,
    [
      facts.map((fact) => fact.id),
      facts.map((fact) => fact.subject),
      facts.map((fact) => fact.type),
      facts.map((fact) => fact.at),
      facts.map((fact) => {
        const { subject, id, data } = fact;
        return sealValue(sql.content, eventContent, 'data', JSON.stringify(data), subject, id);
      }),
    ],
  );
  return new Map(rows.map((row) => [keyOf(row.tracking_id, row.id), row.sequence]));
}

async function projectEvents(sql: Transaction, events: readonly RecordedEvent[]): Promise<void> {
  const trackingIds = [...new Set(events.map((event) => event.trackingId))];
  const rows = await sql.all<ConversationSummary>(
    `SELECT ${summaryColumns} FROM conversations WHERE tracking_id = ANY ($1)`,
    [trackingIds],
  );
  const before = new Map(rows.map((row) => [row.trackingId, toSummary(sql, row)]));
  const after = new Map<string, ConversationSummary>(before);
  const firsts = new Map<string, number>();
  for (const event of events) {
    const { trackingId, sequence } = event;
    const projected = project(after.get(trackingId), event);
    if (projected !== undefined) after.set(trackingId, projected);
    if (!firsts.has(trackingId)) firsts.set(trackingId, sequence);
  }
  const changed = [...after.values()].filter((each) => each !== before.get(each.trackingId));
  if (changed.length === 0) return;
  const ids = changed.map(({ trackingId }) => firsts.get(trackingId)!);
  await sql.run(putConversations, [ids, ...columnValues(sql, changed)]);
}
