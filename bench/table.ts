export type Row = readonly string[];

export function latencyCells({ latency }: { readonly latency: { p50Ms: number; p99Ms: number } }): Row {
  return [latency.p50Ms.toFixed(1), latency.p99Ms.toFixed(1)];
}

export const whole = (value: number) => Math.round(value).toLocaleString('en');
export const mib = (value: number) => value.toFixed(0);

export function table(title: string, rows: readonly Row[]): string {
  const widths = rows[0]!.map((_, column) =>
    Math.max(...rows.filter((row) => row.length > 2).map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: Row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ');
  return [title, ...rows.map((row) => `  ${line(row)}`)].join('\n');
}
