import type { Resealing } from '../encryption/reseal.ts';
import { sealedTable } from '../encryption/sealed-table.ts';

/** Where the record has content, in a file as in PostgreSQL. Ids, times, types, status, names of systems and accounts are none. */

export const eventContent = sealedTable('events', ['tracking_id', 'id'], { data: 'json' });

export const conversationContent = sealedTable('conversations', ['tracking_id'], {
  query_start: 'text',
  problem: 'text',
});

/** Secrets of other systems: no content, and nobody's business either. */
export const sourceContent = sealedTable('sources', ['name'], { definition: 'json' });

/** What an engine whose journals are elsewhere keeps in PostgreSQL: signals that wait for their run, for one. */
export const recordContent = sealedTable('engine_records', ['key'], { value: 'json' });

/** The tables of the record, in orders that have each row once. */
export const recordTables: readonly Resealing[] = [
  { table: eventContent, order: ['sequence'] },
  { table: conversationContent, order: ['id'] },
  { table: sourceContent, order: ['name'] },
];

export const engineRecordTables: readonly Resealing[] = [{ table: recordContent, order: ['key'] }];
