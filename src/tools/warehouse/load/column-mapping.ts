import type { CanonicalColumn, CanonicalTable } from '../canonical.ts';
import { sourceColumn } from '../layout.ts';

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

/**
 * 0 for the column's own name, more the further away; `undefined` for no likeness at all. The name of the entity before a name
 * speaks for it (`opportunity_owner` rather than `account_owner` in a file of opportunities), a unit behind it a little against it.
 */
function distance(name: string, column: CanonicalColumn, entity: string): number | undefined {
  const own = name.startsWith(`${entity}_`) ? name.slice(entity.length + 1) : undefined;
  const [asIs, withoutEntity, withoutUnit] = [name, own, name.replace(unitSuffix, '')].map((form) =>
    likeness(form, column),
  );
  const far = [
    asIs,
    withoutEntity === undefined ? undefined : 0.5 + withoutEntity / 100,
    withoutUnit === undefined ? undefined : 0.9 + withoutUnit,
  ].filter((one) => one !== undefined);
  return far.length === 0 ? undefined : Math.min(...far);
}

/** 0 for the name, then the synonyms in their order. */
function likeness(name: string | undefined, column: CanonicalColumn): number | undefined {
  if (name === column.name) return 0;
  const at = column.synonyms.indexOf(name ?? '');
  return at < 0 ? undefined : at + 1;
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
