interface Range {
  readonly type: string;
  /** From 0, which is a refusal, to 1. */
  readonly quality: number;
}

/**
 * Whether who sends this `Accept` wants a media type rather than the one that it gets otherwise (RFC 9110, section 12.5.1). Between two that
 * are wanted equally it is the one that is named itself: a range, as of all types, asks for nothing in particular.
 */
export function prefers(accept: string | undefined, wanted: string, usual: string): boolean {
  if (accept === undefined) return false;
  const ranges = accept.split(',').map(rangeOf);
  const quality = qualityIn(ranges, wanted);
  if (quality === 0) return false;
  const other = qualityIn(ranges, usual);
  return quality > other || (quality === other && ranges.some(({ type }) => type === wanted));
}

/** Parameters of a media type choose nothing here; `q` is one of the range. */
function rangeOf(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weights = parameters.map((parameter) => /^q\s*=\s*"?([^"\s]+)/.exec(parameter)?.[1]);
  const quality = Number(weights.find((weight) => weight !== undefined) ?? 1);
  return { type, quality: Number.isNaN(quality) ? 1 : Math.min(1, Math.max(0, quality)) };
}

/** That of the most specific range that has the type; one that is named twice is wanted as much as where it is wanted most. */
function qualityIn(ranges: readonly Range[], type: string): number {
  for (const specific of [type, `${type.split('/', 1)[0]}/*`, '*/*']) {
    const found = ranges.filter((range) => range.type === specific);
    if (found.length > 0) return Math.max(...found.map((range) => range.quality));
  }
  return 0;
}
