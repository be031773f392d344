import { examples } from './answers/examples.ts';
import { dimensions } from './semantic-layer/dimensions.ts';
import { type Measure, measures } from './semantic-layer/measures.ts';
import { populations } from './semantic-layer/populations.ts';
import { unitWords } from './words/time-words.ts';

/** The parts of docs/reference/analyst.md that follow from the semantic layer; a test compares them with the page. */
export function referenceTables(): Readonly<Record<string, string>> {
  return {
    measures: measureTable(),
    dimensions: dimensionTable(),
    examples: exampleList(),
    units: unitList(),
  };
}

const code = (text: string): string => `\`${text}\``;

const rows = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');

function measureTable(): string {
  const body = measures.map((each: Measure) => {
    const { fact, date, dateMeaning } = populations[each.population];
    const words = each.words.slice(0, 4).join(', ') || '–';
    return [
      each.label,
      each.description,
      each.unit,
      `${code(fact)}, ${dateMeaning} (${code(date.split('.')[1] ?? '')})`,
      code(each.sql),
      words,
    ];
  });
  return rows(['measure', 'what', 'unit', 'rows, and what a period means', 'SQL', 'also asked for as'], body);
}

function dimensionTable(): string {
  const body = dimensions.map(({ label, description, words, sources }) => {
    const found = Object.entries(sources).map(
      ([fact, paths]) => `${fact}: ${paths.map(code).join(', else ')}`,
    );
    return [label, description, words.join(', ') || '–', found.join('; ')];
  });
  return rows(['dimension', 'what', 'also called', 'taken from'], body);
}

const exampleList = (): string => examples.map(([example]) => `- ${example}`).join('\n');

const unitList = (): string => [...new Set(Object.values(unitWords))].join(', ');
