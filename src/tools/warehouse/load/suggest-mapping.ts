import type { LoadReport } from './report.ts';

/** What a mapping file could say about the values of a load that are probably meant otherwise. Pure. */
export function suggestValues(
  report: LoadReport,
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const suggestions: Record<string, Record<string, string>> = {};
  const suggest = (column: string, from: string, to: string) => {
    suggestions[column] ??= {};
    suggestions[column][from] ??= to;
  };
  for (const { column, unmatched } of report.references)
    for (const { value, near, ambiguous } of unmatched)
      if (near.length === 1 && !ambiguous) suggest(column.replace(/_id$/, ''), value, near[0] as string);
  for (const { column, similar } of report.similarValues)
    for (const { usual, unusual } of similar) suggest(column, unusual.value, usual.value);
  return suggestions;
}
