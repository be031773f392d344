import {
  formatTraceparent,
  remoteOf,
  spanIdOf,
  type Traced,
  traceHeaders,
  traceIdOf,
} from '../../core/trace-context.ts';
import { formatXrayHeader } from '../../core/x-ray.ts';
import type { StepContext } from '../../engine/engine.ts';
import type { FlowWatcher, WatchedAttempt, WatchedRun, WatchedWait } from '../watched-flow.ts';
import { type Described, describeAttempt, withError } from './describe.ts';
import { type Asked, type Content, describeAgent, describeTool, type ToolCalled } from './generative.ts';
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

export interface TracerOptions {
  readonly emit: (span: SpanData) => void;
  readonly sampler: Sampler;
  /** Takes out of what went wrong what must not be read. Default: everything stays. */
  readonly redact?: (text: string) => string;
  /** Questions, answers and what tools were given; absent where they stay here. */
  readonly content?: Content | undefined;
}

const longestError = 1_000;

/**
 * Makes spans of what runs do: the request, under it the run, under it its attempts and waits, under those tools. All that belongs
 * to one request is one trace, also when another process goes on with it: every id derives from run and step.
 */
export class Tracer implements FlowWatcher {
  readonly #options: TracerOptions;
  /** What attempts ask that are under way, by their span. */
  readonly #asked = new Map<string, Asked>();

  constructor(options: TracerOptions) {
    this.#options = options;
  }

  accepted({ runId, input, route = 'a page', startedAt, endedAt }: Accepted): void {
    const parent = remoteOf(input);
    const attributes = {
      'http.request.method': 'POST',
      'http.route': route,
      'url.path': route,
      'url.scheme': 'http',
      'http.response.status_code': 202,
      'signalbox.run_id': runId,
      ...about(input),
    };
    const described = { name: `POST ${route}`, kind: 'server', startedAt, endedAt, attributes } as const;
    this.#span(input, runId, { spanId: acceptSpanId(input, runId), ...under(parent?.spanId), ...described });
  }

  attempted(attempt: WatchedAttempt): void {
    const spanId = attemptSpanId(attempt.key, attempt.attempt);
    const asked = this.#asked.get(spanId);
    this.#asked.delete(spanId);
    const described = asked ? describeAgent(attempt, asked, this.#options.content) : describeAttempt(attempt);
    this.#span(tracedOf(attempt.input), attempt.runId, {
      ...{ spanId, parentSpanId: runSpanId(attempt.runId) },
      ...described,
    });
  }

  waited({ input, runId, flow, kind, name, occurrence, startedAt, endedAt, outcome }: WatchedWait): void {
    const attributes = {
      ...{ 'signalbox.flow': flow, 'signalbox.run_id': runId, 'signalbox.wait': kind },
      ...(outcome && { 'signalbox.wait.outcome': outcome }),
    };
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
    const { traceId, spanId, sampled } = this.#contextOf(input, context);
    const traceparent = formatTraceparent({ traceId, spanId, sampled });
    const xray = input.xrayTrace && { 'x-amzn-trace-id': formatXrayHeader(traceId, spanId, sampled) };
    return { ...traceHeaders(input), traceparent, ...xray };
  }

  /** The place of an agent's call. Its tools come under the attempt, also when it fails after them. */
  agentTrace(
    input: Traced,
    context: Pick<StepContext, 'idempotencyKey' | 'attempt'>,
    asked: Asked,
  ): { readonly headers: Record<string, string>; toolCalled(call: ToolCalled): void } {
    const { spanId } = this.#contextOf(input, context);
    const runId = runIdOf(context);
    let calls = 0;
    this.#asked.set(spanId, asked);
    return {
      headers: this.headersFor(input, context),
      toolCalled: (call) => {
        const id = `${context.idempotencyKey}/${context.attempt}/tool/${calls++}`;
        const described = describeTool(call, asked, id, this.#options.content);
        this.#span(input, runId, { spanId: spanIdOf(id), parentSpanId: spanId, ...described });
      },
    };
  }

  #contextOf(input: Traced, context: Pick<StepContext, 'idempotencyKey' | 'attempt'>) {
    const traceId = traceIdOf(input, runIdOf(context));
    const spanId = attemptSpanId(context.idempotencyKey, context.attempt);
    return { traceId, spanId, sampled: this.#options.sampler(traceId, remoteOf(input)) };
  }

  #span(input: Traced, runId: string, span: Described & Omit<SpanData, 'traceId'>): void {
    const { sampler, emit, redact = (text) => text } = this.#options;
    const traceId = traceIdOf(input, runId);
    if (!sampler(traceId, remoteOf(input))) return;
    const error = span.error === undefined ? {} : { error: redact(span.error).slice(0, longestError) };
    emit({ traceId, ...span, ...error });
  }
}

const runIdOf = ({ idempotencyKey }: Pick<StepContext, 'idempotencyKey'>): string =>
  idempotencyKey.split('/', 1)[0]!;
const runSpanId = (runId: string): string => spanIdOf(runId);
const attemptSpanId = (key: string, attempt: number): string => spanIdOf(`${key}/${attempt}`);
const acceptSpanId = (input: Traced, runId: string): string =>
  spanIdOf(`${input.trackingId ?? runId}/accept`);

type Parent = Pick<SpanData, 'parentSpanId' | 'parentIsRemote'>;

const under = (spanId: string | undefined): Parent =>
  spanId === undefined ? {} : { parentSpanId: spanId, parentIsRemote: true };

/** A run that came of a request is under that; one that a run started is under that run. */
function parentOf(input: Traced, runId: string): Parent {
  if (input.parentRunId !== undefined) return { parentSpanId: runSpanId(input.parentRunId) };
  if (input.trackingId !== undefined) return { parentSpanId: acceptSpanId(input, runId) };
  return under(remoteOf(input)?.spanId);
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
    ...text('xrayTrace'),
    ...text('trackingId'),
    ...text('parentRunId'),
    ...text('conversationId'),
  };
}
