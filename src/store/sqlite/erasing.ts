import type { JsonObject } from '../../core/json.ts';
import { openValue, sealValue } from '../../encryption/sealed-table.ts';
import type { FactWriter } from '../../engine/embedded/facts.ts';
import type { ConversationSummary } from '../../record/conversation.ts';
import type { RecordedEvent } from '../../record/events.ts';
import type { Database, Sql } from '../../sqlite/database.ts';
import type { DatabaseThreads } from '../../sqlite/threads.ts';
import { eventContent } from '../content.ts';
import { erasedData, erasedFact } from '../erased-event.ts';
import type { Erasing } from '../erasing.ts';
import type { Store } from '../store.ts';
import { readable } from '../unreadable.ts';
import { type ConversationRow, type EventRow, readableEvents, toSummary } from './rows.ts';

const textsText = `
  SELECT * FROM events WHERE sequence > ? AND type IN ('WEBHOOK_REQUEST_RECEIVED', 'WEBHOOK_MANAGER_AGENT_RESPONSE')
  ORDER BY sequence LIMIT ?`;

/** With `secure_delete`, which the database has on, what a row no longer holds is overwritten where it was. */
export function createErasing(
  database: Database,
  writeFacts: FactWriter,
  rebuild: Store['rebuild'],
  reading?: DatabaseThreads,
): Erasing {
  return {
    erase: (trackingId, erasure) =>
      database.write((sql) => {
        const row = sql.get<ConversationRow>('SELECT * FROM conversations WHERE tracking_id = ?', trackingId);
        if (row === undefined) return 'unknown';
        if (row.erased_at !== null) return 'erased';
        if (row.complete === 0) return 'not_complete';
        const summary = toSummary(sql, row);
        eraseEvents(sql, trackingId, summary);
        writeFacts(sql, [erasedFact(summary, erasure)]);
        for (const table of ['search_0', 'search_1']) sql.run(`DELETE FROM ${table} WHERE rowid = ?`, row.id);
        return 'erased';
      }),

    texts: (afterSequence, limit) =>
      database.read((sql) => {
        const events: RecordedEvent[] = [];
        // Fewer than were wanted say that there are no more.
        for (let after = afterSequence; events.length < limit; ) {
          const rows = sql.all<EventRow>(textsText, after, limit - events.length);
          if (rows.length === 0) break;
          events.push(...readableEvents(sql, rows));
          after = rows.at(-1)!.sequence;
        }
        return events;
      }),

    async settleErasures() {
      // Words of a text that is gone stay in the parts of the index until those are written anew.
      await rebuild(['search']);
      const truncate = () => database.truncateLog();
      await (reading === undefined ? truncate() : reading.quietly(truncate));
    },
  };
}

function eraseEvents(sql: Sql, trackingId: string, summary: ConversationSummary): void {
  const rows = sql.all<EventRow>('SELECT * FROM events WHERE tracking_id = ?', trackingId);
  for (const row of rows) {
    const data = readable(() => openValue(sql.content, eventContent, 'data', row.data, trackingId, row.id));
    const before = data === undefined ? undefined : (JSON.parse(data) as JsonObject);
    const erased = JSON.stringify(erasedData(row.type, before, summary));
    if (erased === data) continue;
    const text = sealValue(sql.content, eventContent, 'data', erased, trackingId, row.id);
    sql.run('UPDATE events SET data = ? WHERE sequence = ?', text, row.sequence);
  }
}
