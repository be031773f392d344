import {
  formatTraceparent,
  parseTraceparent,
  spanIdOf,
  type Traced,
  traceHeaders,
  traceIdOf,
} from '../../core/trace-context.ts';
import type { StepContext } from '../../engine/engine.ts';
import type { FlowWatcher, WatchedAttempt, WatchedRun, WatchedWait } from '../watched-flow.ts';
import { type Described, describeAttempt, withError } from './describe.ts';
import type { Sampler } from './sampler.ts';
import type { SpanData } from './span.ts';

/** A request that started a run. */
export interface Accepted {
  readonly runId: string;
  readonly input: Traced;
  readonly route?: string | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
}

/**
 * Makes spans of what runs do: the request, under it the run, under it its attempts and waits, under those tools. All that belongs
 * to one request is one trace, also when another process goes on with it: every id derives from run and step.
 */
export class Tracer implements FlowWatcher {
  readonly #emit: (span: SpanData) => void;
  readonly #sampler: Sampler;

  constructor(options: { readonly emit: (span: SpanData) => void; readonly sampler: Sampler }) {
    this.#emit = options.emit;
    this.#sampler = options.sampler;
  }

  accepted({ runId, input, route = 'a page', startedAt, endedAt }: Accepted): void {
    const parent = parseTraceparent(input.traceparent);
    const attributes = {
      'http.request.method': 'POST',
      'http.route': route,
      'url.path': route,
      'url.scheme': 'http',
      'http.response.status_code': 202,
      'signalbox.run_id': runId,
      ...about(input),
    };
    const above = parent && { parentSpanId: parent.spanId, parentIsRemote: true };
    const described = { name: `POST ${route}`, kind: 'server', startedAt, endedAt, attributes } as const;
    this.#span(input, runId, { spanId: acceptSpanId(input, runId), ...above, ...described });
  }

  attempted(attempt: WatchedAttempt): void {
    const input = tracedOf(attempt.input);
    const { children, ...own } = describeAttempt(attempt);
    const spanId = attemptSpanId(attempt.key, attempt.attempt);
    this.#span(input, attempt.runId, { spanId, parentSpanId: runSpanId(attempt.runId), ...own });
    for (const child of children) this.#span(input, attempt.runId, { parentSpanId: spanId, ...child });
  }

  waited({ input, runId, flow, kind, name, occurrence, startedAt, endedAt }: WatchedWait): void {
    const attributes = { 'signalbox.flow': flow, 'signalbox.run_id': runId, 'signalbox.wait': kind };
    this.#span(tracedOf(input), runId, {
      spanId: spanIdOf(`${runId}/${kind}/${name}/${occurrence}`),
      parentSpanId: runSpanId(runId),
      ...{ name: kind === 'call' ? `call ${name}` : `wait ${name}`, kind: 'internal' },
      ...{ startedAt, endedAt, attributes },
    });
  }

  ended({ flow, runId, input, startedAt, endedAt, error }: WatchedRun): void {
    const traced = tracedOf(input);
    const attributes = { 'signalbox.flow': flow, 'signalbox.run_id': runId, ...about(traced) };
    this.#span(traced, runId, {
      spanId: runSpanId(runId),
      ...parentOf(traced, runId),
      ...{ name: `flow ${flow}`, kind: 'internal', startedAt, endedAt },
      ...withError(attributes, error),
    });
  }

  /** What a receiver is told, so that its spans come under the attempt. */
  headersFor(input: Traced, context: Pick<StepContext, 'idempotencyKey' | 'attempt'>) {
    const traceId = traceIdOf(input, context.idempotencyKey.split('/')[0]!);
    const spanId = attemptSpanId(context.idempotencyKey, context.attempt);
    const sampled = this.#sampler(traceId, parseTraceparent(input.traceparent));
    return { ...traceHeaders(input), traceparent: formatTraceparent({ traceId, spanId, sampled }) };
  }

  #span(input: Traced, runId: string, span: Described & Omit<SpanData, 'traceId'>): void {
    const traceId = traceIdOf(input, runId);
    if (this.#sampler(traceId, parseTraceparent(input.traceparent))) this.#emit({ traceId, ...span });
  }
}

const runSpanId = (runId: string): string => spanIdOf(runId);
const attemptSpanId = (key: string, attempt: number): string => spanIdOf(`${key}/${attempt}`);
const acceptSpanId = (input: Traced, runId: string): string =>
  spanIdOf(`${input.trackingId ?? runId}/accept`);

/** A run that came of a request is under that; one that a run started is under that run. */
function parentOf(input: Traced, runId: string): { parentSpanId?: string; parentIsRemote?: boolean } {
  if (input.parentRunId !== undefined) return { parentSpanId: runSpanId(input.parentRunId) };
  if (input.trackingId !== undefined) return { parentSpanId: acceptSpanId(input, runId) };
  const remote = parseTraceparent(input.traceparent);
  return remote === undefined ? {} : { parentSpanId: remote.spanId, parentIsRemote: true };
}

function about(input: Traced): Record<string, string> {
  const { trackingId, conversationId } = input as Traced & { conversationId?: unknown };
  return {
    ...(typeof trackingId === 'string' && { 'signalbox.tracking_id': trackingId }),
    ...(typeof conversationId === 'string' && { 'signalbox.conversation_id': conversationId }),
  };
}

/** The input of any flow, as far as it speaks of a trace. */
function tracedOf(input: unknown): Traced {
  if (typeof input !== 'object' || input === null) return {};
  const named = input as Record<string, unknown>;
  const text = (name: string) => (typeof named[name] === 'string' ? { [name]: named[name] } : {});
  return {
    ...text('traceparent'),
    ...text('tracestate'),
    ...text('trackingId'),
    ...text('parentRunId'),
    ...text('conversationId'),
  };
}
