import type { Scalar } from '../../tools/warehouse/warehouse.ts';

/**
 * A piece of SQL with its values apart from it. Values go to the warehouse as parameters; the reader sees them in place, quoted,
 * so that the text can be pasted and gives the same rows.
 */
export interface Sql {
  readonly pieces: readonly string[];
  readonly values: readonly Scalar[];
}

/** Text that comes from our own code, never from a question or from data. */
export function raw(text: string): Sql {
  return { pieces: [text], values: [] };
}

export function value(scalar: Scalar): Sql {
  return { pieces: ['', ''], values: [scalar] };
}

export function sql(strings: TemplateStringsArray, ...parts: readonly (Sql | string | number)[]): Sql {
  const all: Sql[] = [raw(strings[0] ?? '')];
  for (const [index, part] of parts.entries()) {
    all.push(typeof part === 'object' ? part : raw(String(part)), raw(strings[index + 1] ?? ''));
  }
  return concat(all);
}

export function join(parts: readonly Sql[], separator: string): Sql {
  return concat(parts.flatMap((part, index) => (index === 0 ? [part] : [raw(separator), part])));
}

function concat(parts: readonly Sql[]): Sql {
  const pieces = [''];
  const values: Scalar[] = [];
  for (const part of parts) {
    pieces[pieces.length - 1] += part.pieces[0] ?? '';
    for (const [index, scalar] of part.values.entries()) {
      values.push(scalar);
      pieces.push(part.pieces[index + 1] ?? '');
    }
  }
  return { pieces, values };
}

export function inList(expression: Sql, values: readonly Scalar[]): Sql {
  if (values.length === 1) return sql`${expression} = ${value(values[0] ?? null)}`;
  return sql`${expression} IN (${join(values.map(value), ', ')})`;
}

/** For the warehouse: `$1`, `$2`, … */
export function statementOf({ pieces, values }: Sql): { text: string; parameters: readonly Scalar[] } {
  return {
    text: pieces.map((piece, index) => (index === 0 ? piece : `$${index}${piece}`)).join(''),
    parameters: values,
  };
}

/** For the reader: the values in place. */
export function readable({ pieces, values }: Sql): string {
  return pieces
    .map((piece, index) => (index === 0 ? piece : `${literal(values[index - 1] ?? null)}${piece}`))
    .join('');
}

/** A value as standard SQL writes it. */
export function literal(scalar: Scalar): string {
  if (typeof scalar === 'string') return `'${scalar.replaceAll("'", "''")}'`;
  if (typeof scalar === 'number') return Number.isFinite(scalar) ? String(scalar) : 'NULL';
  return scalar === null ? 'NULL' : scalar ? 'TRUE' : 'FALSE';
}
