import { stripVTControlCharacters } from 'node:util';
import type { Context } from './command.ts';

/** Text of strangers without what would steer the terminal. */
export function safe(text: unknown): string {
  return stripVTControlCharacters(String(text ?? '')).replace(
    /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu,
    (character) => (character === '\n' || character === '\t' ? character : ''),
  );
}

export const dim = (context: Context, text: string): string =>
  context.colours ? `\x1b[2m${text}\x1b[22m` : text;
export const bold = (context: Context, text: string): string =>
  context.colours ? `\x1b[1m${text}\x1b[22m` : text;

/** The last column is never cut to less. */
const leastWidth = 30;

/**
 * Rows under headings, as wide as they need to be, the last column cut to the terminal. What stands before it is never cut: an id of which a
 * part is missing is none, and a terminal can wrap.
 */
export function table(
  context: Context,
  headings: readonly string[],
  rows: readonly (readonly unknown[])[],
): string {
  const cells = rows.map((row) => row.map((cell) => safe(cell).replace(/\s+/g, ' ')));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const width = Math.max(context.columns, before + leastWidth);
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .slice(0, width)
      .replace(/[\uD800-\uDBFF]$/, '')
      .trimEnd();
  return [dim(context, line(headings)), ...cells.map(line), ''].join('\n');
}

export const printJson = (context: Context, value: unknown): void =>
  context.write(`${JSON.stringify(value, null, 2)}\n`);

export const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
