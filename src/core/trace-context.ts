import { hash } from 'node:crypto';
import { parseXrayHeader } from './x-ray.ts';

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

/** What a sender says of its trace, as it is kept with a run. */
export interface SenderTrace {
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** The `X-Amzn-Trace-Id` of one that says it in no other way. */
  readonly xrayTrace?: string;
}

/** What an input of a flow may say about its trace. */
export interface Traced extends SenderTrace {
  readonly trackingId?: string;
  /** The run that started this one. */
  readonly parentRunId?: string;
}

/** A trace that a sender began. X-Ray names some without a span of theirs, or leaves open whether they are recorded. */
export type RemoteContext = Pick<TraceContext, 'traceId'> & Partial<TraceContext>;

export const remoteOf = ({ traceparent, xrayTrace }: SenderTrace): RemoteContext | undefined =>
  parseTraceparent(traceparent) ?? parseXrayHeader(xrayTrace);

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The trace of a run: the sender's, or else that of its tracking id, which is as long as a trace id and as random. */
export function traceIdOf(traced: Traced, runId: string): string {
  const given = remoteOf(traced)?.traceId;
  if (given !== undefined) return given;
  const id = traced.trackingId ?? runId;
  return uuid.test(id) ? id.replaceAll('-', '') : hash('sha256', id).slice(0, 32);
}

/** What goes on to a run that another one starts. */
export function senderTraceOf({ traceparent, tracestate, xrayTrace }: SenderTrace): SenderTrace {
  return {
    ...(traceparent && { traceparent }),
    ...(tracestate && { tracestate }),
    ...(xrayTrace && { xrayTrace }),
  };
}

/** What the sender said, for a receiver, where no spans are made in between. */
export function traceHeaders({ traceparent, tracestate, xrayTrace }: SenderTrace): Record<string, string> {
  return {
    ...(traceparent && { traceparent }),
    ...(tracestate && { tracestate }),
    ...(xrayTrace && { 'x-amzn-trace-id': xrayTrace }),
  };
}

/** As header fields are: one that came more than once may be a list. */
export type HeaderFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * What header fields say of a trace, in the form that goes on; undefined when they say nothing that is as it should be. Of a
 * `traceparent` nothing is kept but what is known of it, so that no sender puts other things into other systems.
 */
export function readSenderTrace(fields: HeaderFields): SenderTrace | undefined {
  const { traceparent, tracestate } = fields;
  const context = typeof traceparent === 'string' ? parseTraceparent(traceparent) : undefined;
  if (context !== undefined) {
    const state = typeof tracestate === 'string' && isTracestate(tracestate) ? { tracestate } : {};
    return { traceparent: formatTraceparent(context), ...state };
  }
  const xray = fields['x-amzn-trace-id'];
  const remote = typeof xray === 'string' ? parseXrayHeader(xray) : undefined;
  return remote === undefined ? undefined : { xrayTrace: remote.header };
}

/** https://www.w3.org/TR/trace-context/#tracestate-limits */
const longestState = 512;
const mostMembers = 32;
const member =
  /^[\t ]*(?:[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])?[\t ]*$/;

function isTracestate(text: string): boolean {
  if (text.length > longestState) return false;
  const members = text.split(',');
  return members.length <= mostMembers && members.every((one) => member.test(one));
}
