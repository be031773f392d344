import type { CanonicalTable } from '../canonical.ts';
import { canonicalTables } from '../schema.ts';
import { mapColumns } from './column-mapping.ts';
import { tableNameOf } from './headings.ts';

/** Which table a file is, by its name and its columns. Pure. */

export interface TableChoice {
  readonly name: string;
  /** Undefined for a table of the file's own. */
  readonly table: CanonicalTable | undefined;
  readonly reason: string;
  /** Other tables that it could have been, the likeliest first. */
  readonly alternatives: readonly string[];
}

interface Candidate {
  readonly table: CanonicalTable;
  readonly score: number;
  readonly mapped: number;
  readonly named: boolean;
}

/** Columns that many tables have say little about which table it is. */
const commonplace = new Set([
  'id',
  'name',
  'title',
  'status',
  'type',
  'region',
  'date',
  'value',
  'source',
  'country',
  'email',
]);

/** How much the file's name speaks for the table: `deals_2026.csv` for opportunities. */
function nameScore(fileTable: string, table: CanonicalTable): number {
  const names = [table.name, table.entity, ...table.synonyms];
  if (names.includes(fileTable)) return 6;
  const words = `_${fileTable}_`;
  return names.some((name) => words.includes(`_${name}_`)) ? 3 : 0;
}

function candidateOf(fileTable: string, names: readonly string[], table: CanonicalTable): Candidate {
  const mapped = mapColumns(names, names, table).filter((column) => column.canonical !== undefined);
  const weights = mapped.map((column) => {
    if (column.canonical?.name === table.idColumn) return column.by === 'name' ? 3 : 0.5;
    if (commonplace.has(column.heading)) return 0.4;
    return column.by === 'name' ? 1.2 : 1;
  });
  const byName = nameScore(fileTable, table);
  const columnScore = weights.reduce((sum, weight) => sum + weight, 0) + (2 * mapped.length) / names.length;
  return { table, score: byName + columnScore, mapped: mapped.length, named: byName > 0 };
}

/** A name and one column in four is enough, and so are three telling columns that make up half of the file. */
function fits({ score, mapped, named }: Candidate, columnCount: number): boolean {
  if (named) return mapped >= Math.max(1, columnCount / 4);
  return mapped >= 3 && mapped >= columnCount / 2 && score >= 3.5;
}

/** `told` is the table that the mapping file names. */
export function chooseTable(fileName: string, names: readonly string[], told?: string): TableChoice {
  if (told !== undefined) {
    const table = canonicalTables.find((candidate) => candidate.name === told);
    return { name: told, table, reason: 'the mapping file says so', alternatives: [] };
  }
  const fileTable = tableNameOf(fileName);
  const candidates = canonicalTables
    .map((table) => candidateOf(fileTable, names, table))
    .filter((candidate) => fits(candidate, names.length))
    .sort((one, other) => other.score - one.score);
  const [best, ...others] = candidates;
  if (best === undefined) {
    const taken = canonicalTables.some((table) => table.name === fileTable) || fileTable === 'signalbox_meta';
    const name = taken ? `${fileTable}_file` : fileTable;
    return { name, table: undefined, reason: 'its columns fit none of the known tables', alternatives: [] };
  }
  const alternatives = others
    .filter((other) => other.score > best.score * 0.6)
    .map((other) => other.table.name);
  return { name: best.table.name, table: best.table, reason: reasonOf(best, names.length), alternatives };
}

function reasonOf(best: Candidate, columnCount: number): string {
  const columns = `${best.mapped} of its ${columnCount} columns`;
  return best.named ? `its name and ${columns} say so` : `${columns} say so`;
}
