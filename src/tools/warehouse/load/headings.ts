/** Headings as people write them, in the form that the canonical schema uses. Pure. */

/** `Close Value ($)`, `closeValue` and `CLOSE_VALUE__c` are all `close_value`; a heading without a letter or digit is empty. */
export function normalizeHeading(heading: string): string {
  return heading
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replace(/__c$/i, '')
    .replaceAll(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1_$2')
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '_')
    .replaceAll(/^_+|_+$/g, '');
}

/** A name for each column: none empty, none twice, none that begins with a digit. */
export function columnNames(headings: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return headings.map((heading, at) => {
    const normal = normalizeHeading(heading) || `column_${at + 1}`;
    const name = /^\p{N}/u.test(normal) ? `column_${normal}` : normal;
    let unique = name;
    for (let count = 2; taken.has(unique); count += 1) unique = `${name}_${count}`;
    taken.add(unique);
    return unique;
  });
}

/** The name of a table for a file: without folder, endings, and what exports add (a date, `(1)`, `export`). */
export function tableNameOf(fileName: string): string {
  const stem = (fileName.split(/[/\\]/).at(-1) ?? fileName).replace(
    /(\.(csv|tsv|txt|json|jsonl|ndjson|parquet))+$/i,
    '',
  );
  const normal = normalizeHeading(stem).replaceAll(
    /(^|_)(export|report|extract|data|final|copy)(?=_|$)/g,
    '',
  );
  const name = normal.replaceAll(/(_\d+)+$/g, '').replaceAll(/^_+|_+$/g, '');
  if (name === '') return normalizeHeading(stem) === '' ? 'data' : `table_${normalizeHeading(stem)}`;
  return /^\p{N}/u.test(name) ? `table_${name}` : name;
}
