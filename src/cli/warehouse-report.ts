import { basename } from 'node:path';
import { stringify } from 'yaml';
import type {
  ColumnReport,
  FileReport,
  LoadReport,
  ReferenceReport,
} from '../tools/warehouse/load/report.ts';
import { suggestValues } from '../tools/warehouse/load/suggest-mapping.ts';

/** A load report for people: what happened to each file, and what is worth a look before trusting an answer. */
export function formatLoadReport(report: LoadReport): string {
  const seconds = (report.durationMs / 1000).toFixed(1);
  const intro = `Loaded ${plural(report.files.length, 'file')} in ${seconds} s into ${report.warehousePath}.`;
  const demo = report.demoDropped
    ? ['The demo workspace was removed: from now on there are only your data.']
    : [];
  return [[intro, ...demo].join('\n'), ...report.files.map(formatFile), ...formatFindings(report)]
    .join('\n\n')
    .concat('\n');
}

const plural = (count: number, thing: string) =>
  `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`;

function formatFile(file: FileReport): string {
  const format = [
    file.format,
    file.encoding,
    file.delimiter === undefined ? undefined : `cut by ${delimiterName(file.delimiter)}`,
  ];
  const lines = [
    `${basename(file.file)} → ${file.table}   (${format.filter((part) => part !== undefined).join(', ')}; ${file.tableReason})`,
    `  rows      ${rowsOf(file)}`,
    ...file.rejectReasons.map(
      ({ reason, count, lines: at }) =>
        `            ${count} × ${reason} (line ${at.join(', ')}${count > at.length ? ', …' : ''})`,
    ),
    ...(file.rejectsFile === undefined ? [] : [`            the rejected rows are in ${file.rejectsFile}`]),
    ...labelled('columns', mapped(file.columns)),
    ...labelled('kept', file.columns.filter((column) => column.by === 'kept').map(keptName)),
    ...labelled(
      'left out',
      file.columns.filter((column) => column.by === 'left out').map((column) => column.heading),
    ),
    ...labelled('empty', file.emptyColumns),
    ...labelled('not there', file.missingColumns),
    ...file.columns.flatMap((column) =>
      column.note === undefined ? [] : [`  note      ${column.heading}: ${column.note}`],
    ),
  ];
  if (file.alternatives.length > 0)
    lines.push(
      `  note      it could also have been ${file.alternatives.join(' or ')}; a mapping file can say so`,
    );
  if (file.idFrom !== 'none' && !file.columns.some((column) => column.column === file.idFrom))
    lines.push(`  note      no id in the file: the id is ${file.idFrom}`);
  return lines.join('\n');
}

const delimiterName = (delimiter: string) =>
  ({ ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'bars' })[delimiter] ?? delimiter;

function rowsOf(file: FileReport): string {
  const parts = [
    `${file.rowsRead.toLocaleString('en')} read`,
    `${file.rowsLoaded.toLocaleString('en')} loaded`,
  ];
  if (file.rowsRejected > 0) parts.push(`${file.rowsRejected.toLocaleString('en')} rejected`);
  if (file.rowsReplaced > 0)
    parts.push(`${file.rowsReplaced.toLocaleString('en')} took the place of earlier ones`);
  if (file.rowsRemoved > 0) parts.push(`${file.rowsRemoved.toLocaleString('en')} of an earlier load removed`);
  if (file.valuesMapped > 0) parts.push(`${plural(file.valuesMapped, 'value')} mapped`);
  return parts.join(', ');
}

const mapped = (columns: readonly ColumnReport[]) =>
  columns
    .filter((column) => column.by !== 'kept' && column.column !== undefined)
    .map((column) =>
      column.heading === column.column ? column.heading : `${column.heading} → ${column.column}`,
    );

const keptName = ({ heading, column, type }: ColumnReport) =>
  `${heading === column ? heading : `${heading} → ${column}`} (${type})`;

/** A label, and the items in lines of a readable length. */
function labelled(label: string, items: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + item.length < 96) lines[lines.length - 1] = `${last}, ${item}`;
    else lines.push(item);
  }
  return lines.map(
    (line, at) => `  ${(at === 0 ? label : '').padEnd(10)}${line}${at < lines.length - 1 ? ',' : ''}`,
  );
}

function formatFindings(report: LoadReport): readonly string[] {
  const findings = [
    ...report.references.flatMap(formatReference),
    ...report.similarValues.flatMap(({ table, column, similar }) =>
      similar.map(
        ({ usual, unusual }) =>
          `  ${table}.${column}: "${unusual.value}" (${plural(unusual.count, 'row')}) looks like "${usual.value}" (${plural(usual.count, 'row')})`,
      ),
    ),
  ];
  if (findings.length === 0) return [];
  const values = suggestValues(report);
  const suggestion =
    Object.keys(values).length === 0
      ? []
      : [
          `If these guesses are right, save them as mapping.yaml and load the same files again with --mapping mapping.yaml:\n\n${stringify({ values })}`.trimEnd(),
        ];
  return [['Worth a look:', ...findings].join('\n'), ...suggestion];
}

function formatReference(reference: ReferenceReport): readonly string[] {
  const { table, column, references, unmatchedRows, unmatchedValues, unmatched, nothingToMatch } = reference;
  const name = `  ${table}.${column}:`;
  if (unmatchedRows === 0) return [];
  if (nothingToMatch)
    return [
      `${name} ${references} has no rows, so names are kept as they are (${plural(unmatchedRows, 'row')})`,
    ];
  const more = unmatchedValues - unmatched.length;
  return [
    `${name} ${plural(unmatchedRows, 'row')} with ${plural(unmatchedValues, 'value')} that ${references} does not have`,
    ...unmatched.map(({ value, rows, near, ambiguous }) => {
      if (ambiguous) return `      "${value}" (${plural(rows, 'row')}): several ${references} are called so`;
      const guess = near.length === 0 ? '' : `: perhaps ${near.map((one) => `"${one}"`).join(' or ')}`;
      return `      "${value}" (${plural(rows, 'row')})${guess}`;
    }),
    ...(more > 0 ? [`      and ${plural(more, 'other value')}`] : []),
  ];
}
