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
