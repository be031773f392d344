import type { JsonObject } from '../../core/json.ts';
import { sealValue } from '../../encryption/sealed-table.ts';
import type { ConversationSummary } from '../../record/conversation.ts';
import type { RecordedEvent } from '../../record/events.ts';
import type { LiveRecord } from '../../record/live.ts';
import { eventContent } from '../content.ts';
import { erasedData, erasedFact } from '../erased-event.ts';
import type { Erasing, Erasure } from '../erasing.ts';
import { readable } from '../unreadable.ts';
import { appendFacts } from './append.ts';
import type { PostgresDatabase, Transaction } from './database.ts';
import { takeLock } from './locks.ts';
import { type EventRow, readableEvents, summaryColumns, toEvent, toSummary } from './rows.ts';

const textsText = `
  SELECT * FROM events WHERE sequence > $1 AND type IN ('WEBHOOK_REQUEST_RECEIVED', 'WEBHOOK_MANAGER_AGENT_RESPONSE')
  ORDER BY sequence LIMIT $2`;

/** What a row was before is removed from the disk by the server's own vacuum. */
export function createErasing(database: PostgresDatabase, live: LiveRecord): Erasing {
  return {
    async erase(trackingId, erasure) {
      const { outcome, events } = await database.write((sql) => eraseIn(sql, trackingId, erasure));
      live.publish(events);
      return outcome;
    },

    texts: (afterSequence, limit) =>
      database.read(async (sql) => {
        const events: RecordedEvent[] = [];
        // Fewer than were wanted say that there are no more.
        for (let after = afterSequence; events.length < limit; ) {
          const rows = await sql.all<EventRow>(textsText, [after, limit - events.length]);
          if (rows.length === 0) break;
          events.push(...readableEvents(sql, rows));
          after = rows.at(-1)!.sequence;
        }
        return events;
      }),

    settleErasures: async () => {},
  };
}

interface Erased {
  readonly outcome: Awaited<ReturnType<Erasing['erase']>>;
  readonly events: readonly RecordedEvent[];
}

async function eraseIn(sql: Transaction, trackingId: string, erasure: Erasure): Promise<Erased> {
  // Nobody else writes conversations meanwhile.
  await takeLock(sql, 'append');
  const [found] = await sql.all<ConversationSummary & { readonly id: number }>(
    `SELECT id, ${summaryColumns} FROM conversations WHERE tracking_id = $1`,
    [trackingId],
  );
  if (found === undefined) return { outcome: 'unknown', events: [] };
  const { id, ...summary } = toSummary(sql, found);
  if (summary.erasedAt !== null) return { outcome: 'erased', events: [] };
  if (!summary.complete) return { outcome: 'not_complete', events: [] };
  await eraseEvents(sql, trackingId, summary);
  const events = await appendFacts(sql, [erasedFact(summary, erasure)]);
  for (const table of ['search_0', 'search_1']) await sql.run(`DELETE FROM ${table} WHERE id = $1`, [id]);
  return { outcome: 'erased', events };
}

async function eraseEvents(
  sql: Transaction,
  trackingId: string,
  summary: ConversationSummary,
): Promise<void> {
  const rows = await sql.all<EventRow>('SELECT * FROM events WHERE tracking_id = $1', [trackingId]);
  for (const row of rows) {
    const data = readable(() => toEvent(sql, row))?.data as unknown as JsonObject | undefined;
    const erased = JSON.stringify(erasedData(row.type, data, summary));
    const text = sealValue(sql.content, eventContent, 'data', erased, trackingId, row.id);
    await sql.run('UPDATE events SET data = $2::text::json WHERE sequence = $1', [row.sequence, text]);
  }
}
