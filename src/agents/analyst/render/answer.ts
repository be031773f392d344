import type { Text } from './text.ts';

/** An answer before it is written down: what is said, what is shown, what it rests on. */
export interface Answer {
  /** One or two sentences that answer the question. */
  readonly headline: Text;
  readonly blocks: readonly Block[];
  /** What is missing in the data, what was assumed, what was left out. */
  readonly notes: readonly Text[];
  /** "Q4 2026 (1 Oct 2026 to 31 Dec 2026), by close date". */
  readonly period?: string;
  /** How it was computed. */
  readonly rules: readonly string[];
  readonly understood: boolean;
  readonly topic: 'deal' | 'data' | 'lead' | 'general';
}

export type Block = Table | Lines | Paragraph;

export interface Table {
  readonly kind: 'table';
  readonly title?: string;
  readonly columns: readonly { readonly label: string; readonly isNumber?: boolean }[];
  /** Cells are text as it comes from data or formatting: they are escaped when written. */
  readonly rows: readonly (readonly string[])[];
  /** Rows that exist beyond these. */
  readonly more?: number;
}

export interface Lines {
  readonly kind: 'lines';
  readonly title?: string;
  readonly lines: readonly Text[];
}

export interface Paragraph {
  readonly kind: 'paragraph';
  readonly text: Text;
}

/** A table is at most this long. */
export const maxRows = 15;

export function table(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly title?: string; readonly more?: number; readonly numbers?: readonly number[] } = {},
): Table {
  const { title, more = 0, numbers = [] } = options;
  return {
    kind: 'table',
    ...(title !== undefined && { title }),
    columns: columns.map((label, index) => ({ label, isNumber: numbers.includes(index) })),
    rows: rows.slice(0, maxRows),
    more: Math.max(0, more) + Math.max(0, rows.length - maxRows),
  };
}

export function lines(items: readonly Text[], title?: string): Lines {
  return { kind: 'lines', lines: items, ...(title !== undefined && { title }) };
}

export function paragraph(text: Text): Paragraph {
  return { kind: 'paragraph', text };
}
