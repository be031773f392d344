import type { Resealing } from '../../encryption/reseal.ts';
import { sealedTable } from '../../encryption/sealed-table.ts';

/** Where the journal has content: what comes from outside, and what flows made of it. */

export const runContent = sealedTable('runs', ['id'], {
  input: 'json',
  output: 'json',
  error: 'error',
  cancel_reason: 'text',
});

export const operationContent = sealedTable('operations', ['run', 'position'], {
  result: 'json',
  error: 'error',
});

export const signalContent = sealedTable('signals', ['run_id', 'name', 'occurrence'], { payload: 'json' });

/** The tables of the journal, in orders that have each row once. */
export const journalTables: readonly Resealing[] = [
  { table: runContent, order: ['id'] },
  { table: operationContent, order: ['run', 'position'] },
  { table: signalContent, order: ['run_id', 'name', 'occurrence'] },
];
