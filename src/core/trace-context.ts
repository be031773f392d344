import { hash } from 'node:crypto';

/** The place of a span among others, as other systems tell it: https://www.w3.org/TR/trace-context/ */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads a `traceparent`; undefined for what is none. Versions to come have more behind what is known of them. */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const [, version, traceId, spanId, flags, rest] = pattern.exec(text ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || version === 'ff') return undefined;
  if (version === '00' && rest !== undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags!, 16) & 1) === 1 };
}

export const formatTraceparent = ({ traceId, spanId, sampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;

/** The span id of what has this name: the same whenever it is asked for, so that a replay makes no other spans. */
export const spanIdOf = (name: string): string => hash('sha256', name).slice(0, 16);

/** What an input of a flow may say about its trace. */
export interface Traced {
  /** As the sender of the request gave it. */
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly trackingId?: string;
  /** The run that started this one. */
  readonly parentRunId?: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The trace of a run: the sender's, or else that of its tracking id, which is as long as a trace id and as random. */
export function traceIdOf({ traceparent, trackingId }: Traced, runId: string): string {
  const given = parseTraceparent(traceparent)?.traceId;
  if (given !== undefined) return given;
  const id = trackingId ?? runId;
  return uuid.test(id) ? id.replaceAll('-', '') : hash('sha256', id).slice(0, 32);
}

/** What the sender said, for a receiver, where no spans are made in between. */
export function traceHeaders({ traceparent, tracestate }: Traced): Record<string, string> {
  return { ...(traceparent && { traceparent }), ...(tracestate && { tracestate }) };
}
