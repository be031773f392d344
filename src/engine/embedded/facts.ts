import type { Sql } from '../../sqlite/database.ts';
import type { StampedFact } from '../engine.ts';

/** Where the embedded engine puts facts: into the record's tables, in the transaction of the operation that they belong to. */
export type FactWriter = (sql: Sql, facts: readonly StampedFact[]) => void;
