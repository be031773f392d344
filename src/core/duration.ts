const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `250ms`, `2s`, `5m` (or `5min`), `2h`, `1d` as milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|min|m|h|d)$/.exec(text.trim());
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * unitsMs[match[2]!]!);
}

/** The shortest exact form that `parseDuration` reads: `90s` for a minute and a half, `5m`, `2h`. */
export function formatDuration(durationMs: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const unitMs = unitsMs[unit]!;
    if (durationMs >= unitMs && durationMs % unitMs === 0) return `${durationMs / unitMs}${unit}`;
  }
  return `${durationMs}ms`;
}

/** A duration for people, rounded: `850 ms`, `2.4 s`, `3 min 5 s`, `2 h 10 min`. */
export function describeDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1_000).toFixed(1).replace(/\.0$/, '')} s`;
  const seconds = Math.round(durationMs / 1_000);
  if (seconds < 3_600) return join(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return join(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return join(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
