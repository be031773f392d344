import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { ProtobufTraceSerializer, TraceExporterMetricsHelper } from '@opentelemetry/otlp-transformer';

export type ReadableSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

/** What became of a batch. */
export interface Exported {
  /** Of a collector that took it: how many spans of it were not taken after all. */
  readonly rejected: number;
  /** What a collector that took none of it, or not all, said. */
  readonly problem?: string;
}

/** Resolves when a batch was taken, or is given up; it does not reject. One batch at a time. */
export type Export = (batch: ReadableSpan[]) => Promise<Exported>;

/**
 * OTLP over HTTP with protobuf, as https://opentelemetry.io/docs/specs/otlp/ has it: what may succeed later (429, 502 to 504, no connection) is
 * tried up to five times within the timeout, after as long as the collector asks for. Endpoint, headers, compression,
 * certificates and timeout are read from `OTEL_EXPORTER_OTLP_…` by the SDK.
 */
export function createOtlpExport(): Export {
  const latest = () => seen.partial;
  const seen: { partial?: { rejectedSpans?: number; errorMessage?: string } | undefined } = {};
  const serializer = {
    serializeRequest: ProtobufTraceSerializer.serializeRequest,
    deserializeResponse: (data: Uint8Array) => {
      const response = ProtobufTraceSerializer.deserializeResponse(data);
      seen.partial = response.partialSuccess;
      return {};
    },
  };
  const options = convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', {
    'Content-Type': 'application/x-protobuf',
  });
  const delegate = createOtlpHttpExportDelegate(
    ...([options, serializer, 'otlp_http_span_exporter', TraceExporterMetricsHelper, undefined] as const),
  );
  return async (batch) => {
    seen.partial = undefined;
    const { promise, resolve } = Promise.withResolvers<Error | true>();
    try {
      delegate.export(batch, ({ code, error }) => resolve(code === 0 || (error ?? new Error('It failed'))));
    } catch (error) {
      resolve(error instanceof Error ? error : new Error(String(error)));
    }
    const outcome = await promise;
    if (outcome !== true) return { rejected: batch.length, problem: reasonOf(outcome) };
    const rejected = Math.min(batch.length, Math.max(0, Number(latest()?.rejectedSpans ?? 0) || 0));
    const said = latest()?.errorMessage ?? '';
    return { rejected, ...(rejected > 0 && { problem: said || 'It did not say why' }) };
  };
}

/** With the status, which is a field of what the exporter throws. */
function reasonOf(error: Error & { code?: unknown }): string {
  const { message, code } = error;
  return [typeof code === 'number' ? `It answered ${code}` : '', message].filter(Boolean).join(': ');
}
