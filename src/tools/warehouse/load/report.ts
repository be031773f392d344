import type { ColumnType } from '../canonical.ts';
import type { MappedBy } from './column-mapping.ts';
import type { SimilarValues } from './near.ts';

/** What a load did, complete enough that nobody has to wonder where a row went. */
export interface LoadReport {
  readonly warehousePath: string;
  readonly durationMs: number;
  readonly files: readonly FileReport[];
  readonly references: readonly ReferenceReport[];
  readonly similarValues: readonly SimilarValuesReport[];
  /** Whether the demo workspace had to give way to real data. */
  readonly demoDropped: boolean;
}

export interface FileReport {
  readonly file: string;
  readonly format: string;
  readonly encoding?: string;
  readonly delimiter?: string;
  readonly table: string;
  readonly tableReason: string;
  /** Tables that it could also have been. */
  readonly alternatives: readonly string[];
  readonly rowsRead: number;
  readonly rowsLoaded: number;
  readonly rowsRejected: number;
  readonly rejectsFile?: string;
  readonly rejectReasons: readonly RejectReason[];
  /** Rows that were there under the same id. */
  readonly rowsReplaced: number;
  /** Rows of an earlier load that are gone: of this file, and not in it any more, or of the whole table when it was replaced. */
  readonly rowsRemoved: number;
  readonly idFrom: string;
  readonly columns: readonly ColumnReport[];
  readonly emptyColumns: readonly string[];
  /** Columns of the table that the file does not have. */
  readonly missingColumns: readonly string[];
  /** Cells that the mapping file had replaced. */
  readonly valuesMapped: number;
}

export interface RejectReason {
  readonly reason: string;
  readonly count: number;
  /** The first lines with it. */
  readonly lines: readonly number[];
}

export interface ColumnReport {
  readonly heading: string;
  /** Absent when the column was left out. */
  readonly column?: string;
  readonly by: MappedBy;
  readonly type: ColumnType;
  readonly filled: number;
  readonly note?: string;
}

/** Values of a column that should be an id or a name of another table, and are not. */
export interface ReferenceReport {
  readonly table: string;
  readonly column: string;
  readonly references: string;
  /** Rows whose name was turned into the id. */
  readonly resolvedRows: number;
  /** Rows without a value. */
  readonly emptyRows: number;
  readonly unmatchedRows: number;
  readonly unmatchedValues: number;
  /** The most frequent of them. */
  readonly unmatched: readonly UnmatchedValue[];
  /** The other table has no rows, so that nothing could match. */
  readonly nothingToMatch: boolean;
}

export interface UnmatchedValue {
  readonly value: string;
  readonly rows: number;
  readonly near: readonly string[];
  /** Several rows of the other table have this name. */
  readonly ambiguous: boolean;
}

export interface SimilarValuesReport {
  readonly table: string;
  readonly column: string;
  readonly similar: readonly SimilarValues[];
}
