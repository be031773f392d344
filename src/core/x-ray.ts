/** A trace as AWS names it in `X-Amzn-Trace-Id`. Load balancers name no span of theirs, and some leave open whether it is recorded. */
export interface XrayContext {
  readonly traceId: string;
  readonly spanId?: string;
  readonly sampled?: boolean;
  /** The header with what is known of it, and nothing else. */
  readonly header: string;
}

/**
 * Reads an `X-Amzn-Trace-Id`; undefined for what is none.
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
export function parseXrayHeader(text: string | undefined): XrayContext | undefined {
  if (text === undefined || text.length > 512) return undefined;
  const fields = new Map(text.split(';').map((field) => cut(field.trim())));
  const [, seconds, random] = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/.exec(fields.get('Root') ?? '') ?? [];
  if (seconds === undefined || random === undefined) return undefined;
  const traceId = `${seconds}${random}`;
  if (/^0+$/.test(traceId)) return undefined;
  const parent = fields.get('Parent') ?? '';
  const spanId = /^[0-9a-f]{16}$/.test(parent) && !/^0+$/.test(parent) ? parent : undefined;
  const decided = fields.get('Sampled') ?? '';
  const sampled = decided === '1' || decided === '0' ? decided === '1' : undefined;
  const header = [
    `Root=1-${seconds}-${random}`,
    ...(spanId === undefined ? [] : [`Parent=${spanId}`]),
    ...(sampled === undefined ? [] : [`Sampled=${decided}`]),
  ].join(';');
  return { traceId, ...(spanId && { spanId }), ...(sampled !== undefined && { sampled }), header };
}

/** For a receiver, with the span that asks it. */
export const formatXrayHeader = (traceId: string, spanId: string, sampled: boolean): string =>
  `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};Parent=${spanId};Sampled=${sampled ? 1 : 0}`;

function cut(field: string): [string, string] {
  const at = field.indexOf('=');
  return [field.slice(0, at), field.slice(at + 1)];
}
