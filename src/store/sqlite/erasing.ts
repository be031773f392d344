import type { FactWriter } from '../../engine/embedded/facts.ts';
import { eraseContent } from '../../record/erasure.ts';
import type { Database, Sql } from '../../sqlite/database.ts';
import type { ReadThreads } from '../../sqlite/read-threads.ts';
import { erasedFact } from '../erased-event.ts';
import type { Erasing } from '../erasing.ts';
import type { Store } from '../store.ts';
import { type ConversationRow, type EventRow, toEvent, toSummary } from './rows.ts';

const textsText = `
  SELECT * FROM events WHERE sequence > ? AND type IN ('WEBHOOK_REQUEST_RECEIVED', 'WEBHOOK_MANAGER_AGENT_RESPONSE')
  ORDER BY sequence LIMIT ?`;

/** With `secure_delete`, which the database has on, what a row no longer holds is overwritten where it was. */
export function createErasing(
  database: Database,
  writeFacts: FactWriter,
  rebuild: Store['rebuild'],
  threads?: ReadThreads,
): Erasing {
  return {
    erase: (trackingId, erasure) =>
      database.write((sql) => {
        const row = sql.get<ConversationRow>('SELECT * FROM conversations WHERE tracking_id = ?', trackingId);
        if (row === undefined) return 'unknown';
        if (row.erased_at !== null) return 'erased';
        if (row.complete === 0) return 'not_complete';
        eraseEvents(sql, trackingId);
        writeFacts(sql, [erasedFact(toSummary(row), erasure)]);
        for (const table of ['search_0', 'search_1']) sql.run(`DELETE FROM ${table} WHERE rowid = ?`, row.id);
        return 'erased';
      }),

    texts: (afterSequence, limit) =>
      database.read((sql) => sql.all<EventRow>(textsText, afterSequence, limit).map(toEvent)),

    async settleErasures() {
      // Words of a text that is gone stay in the parts of the index until those are written anew.
      await rebuild(['search']);
      const truncate = () => database.truncateLog();
      await (threads === undefined ? truncate() : threads.quietly(truncate));
    },
  };
}

function eraseEvents(sql: Sql, trackingId: string): void {
  const rows = sql.all<EventRow>('SELECT * FROM events WHERE tracking_id = ?', trackingId);
  for (const { sequence, type, data } of rows) {
    const erased = JSON.stringify(eraseContent(type, JSON.parse(data)));
    if (erased !== data) sql.run('UPDATE events SET data = ? WHERE sequence = ?', erased, sequence);
  }
}
