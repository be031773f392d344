import type { Client } from './client.ts';
import type { Context } from './command.ts';
import { dim, printJson, table } from './terminal.ts';

/** One of what a server lists. */
export type Row = Readonly<Record<string, unknown>>;

export interface Listing {
  /** What is said when there is nothing to list. */
  readonly none: string;
  /** What stands under each heading. */
  readonly columns: Readonly<Record<string, (row: Row) => unknown>>;
}

export function printRows(context: Context, rows: readonly Row[], { none, columns }: Listing): void {
  const cells = rows.map((row) => Object.values(columns).map((cellOf) => cellOf(row)));
  context.write(rows.length === 0 ? `${none}\n` : table(context, Object.keys(columns), cells));
}

/** A page of a list, which is its member `name`, and how to see the next one; as it came with `json`. */
export function printPage(
  context: Context,
  page: Row,
  listing: Listing & { readonly name: string; readonly json: boolean | undefined },
): void {
  if (listing.json) printJson(context, page);
  else {
    printRows(context, page[listing.name] as readonly Row[], listing);
    printNext(context, page);
  }
}

export function printNext(context: Context, page: Row): void {
  if (page.next !== null) context.writeError(dim(context, `more: --after ${page.next}\n`));
}

/** One after the other; ends with the first that is refused. */
export async function postEach(client: Client, paths: readonly string[]): Promise<Row[]> {
  const answers: Row[] = [];
  for (const path of paths) answers.push(await client.call('POST', path));
  return answers;
}

/** A time of the wire without its milliseconds, in UTC. */
export const timeOf = (value: unknown): string => String(value).slice(0, 19).replace('T', ' ');

export const errorOf = (row: Row): string =>
  (row.error as { readonly message?: string } | null)?.message ?? '';
