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
