/** A span that has ended. Its ids derive from what it is, so that the same work has the same span. */
export interface SpanData {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** Whether the parent belongs to another system. */
  readonly parentIsRemote?: boolean;
  readonly name: string;
  readonly kind: SpanKind;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** What it failed with, in a sentence. */
  readonly error?: string;
}

export type SpanKind = 'internal' | 'server' | 'client';
