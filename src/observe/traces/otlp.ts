import { type HrTime, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { createOtlpExport, type Export, type ReadableSpan } from './otlp-exporter.ts';
import type { SpanData } from './span.ts';

export interface OtlpOptions {
  readonly version: string;
  /** What waits to be sent at most; beyond it spans are dropped, the newest first. */
  readonly queueLimit: number;
  readonly batchSize: number;
  /** How long spans wait for others to be sent with. */
  readonly delayMs: number;
  /** `not_taken` after all tries; `rejected` by a collector that took the rest of their batch. */
  readonly onDropped: (count: number, reason: 'queue_full' | 'not_taken' | 'rejected') => void;
  /** Told when the collector begins to take nothing, with what it said, and when it takes all again. */
  readonly onChange?: (problem: string | undefined) => void;
  /** By default OTLP over HTTP with protobuf, as the standard variables say. */
  readonly export?: Export;
}

/**
 * Sends spans to a collector in the background, one batch at a time. A collector that is slow or away costs those spans and
 * nothing else: they are dropped and counted.
 */
export class OtlpSpans {
  readonly #options: OtlpOptions;
  readonly #exportBatch: Export;
  readonly #resource: ReadableSpan['resource'];
  #queue: ReadableSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #problem: string | undefined;

  constructor(options: OtlpOptions) {
    this.#options = options;
    this.#exportBatch = options.export ?? createOtlpExport();
    this.#resource = defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'signalbox', 'service.version': options.version }))
      .merge(detectResources({ detectors: [envDetector] }));
  }

  /** What the collector said when it did not take the latest batch, or not all of it. */
  get problem(): string | undefined {
    return this.#problem;
  }

  add(span: SpanData): void {
    const { queueLimit, batchSize, delayMs, onDropped } = this.#options;
    if (this.#queue.length >= queueLimit) {
      onDropped(1, 'queue_full');
      return;
    }
    this.#queue.push(readable(span, this.#resource, this.#options.version));
    if (this.#queue.length >= batchSize) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), delayMs).unref();
  }

  /** Sends what waits, and gives up after `withinMs`. */
  async flush(withinMs: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    await Promise.race([this.#drain(), late]);
    clearTimeout(timer);
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 || this.#sending !== undefined) {
      this.#send();
      await this.#sending;
    }
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sending !== undefined) return;
    const batch = this.#queue.splice(0, this.#options.batchSize);
    if (batch.length === 0) return;
    this.#sending = this.#export(batch).finally(() => {
      this.#sending = undefined;
      if (this.#queue.length >= this.#options.batchSize) this.#send();
      else if (this.#queue.length > 0)
        this.#timer ??= setTimeout(() => this.#send(), this.#options.delayMs).unref();
    });
  }

  async #export(batch: ReadableSpan[]): Promise<void> {
    const { onDropped } = this.#options;
    const { rejected, problem } = await this.#exportBatch(batch);
    if (rejected > 0) onDropped(rejected, rejected === batch.length ? 'not_taken' : 'rejected');
    this.#tell(problem);
  }

  #tell(problem: string | undefined): void {
    const isNews = (problem === undefined) !== (this.#problem === undefined);
    this.#problem = problem;
    if (isNews) this.#options.onChange?.(problem);
  }
}

const kinds = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;

function readable(span: SpanData, resource: ReadableSpan['resource'], version: string): ReadableSpan {
  const { traceId, spanId, parentSpanId, parentIsRemote = false, startedAt, endedAt, error } = span;
  const traceFlags = TraceFlags.SAMPLED;
  return {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => ({ traceId, spanId, traceFlags }),
    ...(parentSpanId !== undefined && {
      parentSpanContext: { traceId, spanId: parentSpanId, traceFlags, isRemote: parentIsRemote },
    }),
    startTime: hrTime(startedAt),
    endTime: hrTime(Math.max(startedAt, endedAt)),
    duration: hrTime(Math.max(0, endedAt - startedAt)),
    status:
      error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
    attributes: { ...span.attributes },
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'signalbox', version },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
