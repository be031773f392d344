import { sourceColumn } from '../layout.ts';
import type { CanonicalColumn, CanonicalTable } from '../schema.ts';

/** Which column of a file is which column of a table. Pure. */

export type MappedBy = 'name' | 'synonym' | 'mapping file' | 'kept' | 'left out';

export interface ColumnMapping {
  /** Position in the file. */
  readonly at: number;
  readonly heading: string;
  /** The column of the table; undefined when it is left out. */
  readonly column: string | undefined;
  readonly canonical: CanonicalColumn | undefined;
  readonly by: MappedBy;
}

const unitSuffix = /_(usd|eur|gbp|chf|jpy|inr|cad|aud|dollars|euros|k|pct|percent)$/;
const unlikely = 1_000;

/** 0 for the column's own name, more the further away; `undefined` for no likeness at all. */
function distance(name: string, column: CanonicalColumn, entity: string): number | undefined {
  const forms = [
    name,
    name.replace(unitSuffix, ''),
    ...(name.startsWith(`${entity}_`) ? [name.slice(entity.length + 1)] : []),
  ];
  for (const [penalty, form] of forms.entries()) {
    if (form === column.name) return penalty * unlikely;
    const at = column.synonyms.indexOf(form);
    if (at >= 0) return penalty * unlikely + at + 1;
  }
  return undefined;
}

export interface ColumnInstructions {
  /** By normalised heading: the column that it is, or null to leave it out. */
  readonly columns: ReadonlyMap<string, string | null>;
}

/** The headings that the mapping file names and the file does not have: probably a slip, never to be passed over. */
export const strangersIn = (instructions: ColumnInstructions, names: readonly string[]): readonly string[] =>
  [...instructions.columns.keys()].filter((heading) => !names.includes(heading));

/**
 * Gives each column of the file its place. What the mapping file says comes first; then the nearest names win; a column
 * that is none of the table's keeps its own name.
 */
export function mapColumns(
  headings: readonly string[],
  names: readonly string[],
  table: CanonicalTable | undefined,
  instructions?: ColumnInstructions,
): readonly ColumnMapping[] {
  const targets = new Map<number, string | null>();
  names.forEach((name, at) => {
    const told = instructions?.columns.get(name);
    if (told !== undefined) targets.set(at, told);
  });
  const told = new Set(targets.keys());
  for (const { at, column } of nearest(names, table)) {
    if (!targets.has(at) && ![...targets.values()].includes(column.name)) targets.set(at, column.name);
  }
  const used = new Set([...targets.values(), sourceColumn]);
  return headings.map((heading, at) => {
    const name = names[at] as string;
    const target = targets.get(at);
    if (target === null) return { at, heading, column: undefined, canonical: undefined, by: 'left out' };
    const column = target ?? freeName(name, used);
    used.add(column);
    const canonical = table?.columns.find((candidate) => candidate.name === column);
    return { at, heading, column, canonical, by: howMapped(told.has(at), canonical, name) };
  });
}

function howMapped(told: boolean, canonical: CanonicalColumn | undefined, name: string): MappedBy {
  if (told) return 'mapping file';
  if (canonical === undefined) return 'kept';
  return canonical.name === name ? 'name' : 'synonym';
}

function freeName(name: string, used: ReadonlySet<string | null>): string {
  let free = name;
  for (let count = 2; used.has(free); count += 1) free = `${name}_${count}`;
  return free;
}

/** All likenesses between the file's names and the table's columns, the nearest first. */
function nearest(names: readonly string[], table: CanonicalTable | undefined) {
  return names
    .flatMap((name, at) =>
      (table?.columns ?? []).flatMap((column) => {
        const far = distance(name, column, table?.entity ?? '');
        return far === undefined ? [] : [{ at, column, far }];
      }),
    )
    .sort((one, other) => one.far - other.far || one.at - other.at);
}
