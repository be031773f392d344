import type { ErrorCode } from '../../core/errors.ts';
import { isConversationEvent, type RecordedEvent } from '../../record/events.ts';
import { type MetricKey, metricCatalogue } from './catalogue.ts';
import { embeddedMetrics } from './embedded-metrics.ts';
import { Instrument } from './instruments.ts';
import {
  type Measurement,
  measurementsOf,
  measurementsOfWarehouse,
  type WarehouseOperation,
} from './measurements.ts';

/** The value of a gauge, and that of each of its labels. */
export interface Reading {
  readonly metric: MetricKey;
  readonly value: number;
  readonly labels?: readonly string[];
}

export interface MetricsOptions {
  /** Where documents of the embedded metric format go; without it there are none. */
  readonly writeEmbedded?: (document: Record<string, unknown>) => void;
  readonly clock?: () => number;
}

/**
 * Counts and measures. What is told of the record comes from its events alone, after they have become durable: so a request
 * that is accepted twice under one key counts once, and a crash counts nothing that did not happen.
 */
export class Metrics {
  readonly #instruments = new Map<MetricKey, Instrument>();
  readonly #writeEmbedded: MetricsOptions['writeEmbedded'];
  readonly #clock: () => number;

  constructor({ writeEmbedded, clock = Date.now }: MetricsOptions = {}) {
    this.#writeEmbedded = writeEmbedded;
    this.#clock = clock;
    for (const key of Object.keys(metricCatalogue) as MetricKey[]) {
      this.#instruments.set(key, new Instrument(metricCatalogue[key]));
    }
  }

  /** An event of the record that has become durable. */
  recorded(event: RecordedEvent): void {
    const measurements = measurementsOf(event);
    this.#take(measurements);
    if (this.#writeEmbedded === undefined) return;
    const { type, trackingId, at } = event;
    if (!isConversationEvent(event)) {
      this.#embed(measurements, at, { event_type: type });
      return;
    }
    const { conversationId, sourceSystem } = event.data;
    this.#embed(measurements, at, {
      event_type: type,
      tracking_id: trackingId,
      conversation_id: conversationId,
      webhook_metadata: { source_system: sourceSystem },
    });
  }

  /** A request that was answered with an error. */
  refused(code: ErrorCode): void {
    this.#of('refused').add(1, [code]);
    if (code === 'signature_invalid' || code === 'timestamp_out_of_range') {
      this.#of('verificationFailures').add(1, [code]);
    }
  }

  operated(operation: WarehouseOperation): void {
    const measurements = measurementsOfWarehouse(operation);
    this.#take(measurements);
    this.#embed(measurements, this.#clock());
  }

  count(metric: MetricKey, amount: number, labels?: readonly string[]): void {
    this.#of(metric).add(amount, labels);
  }

  /** Everything, in the text format of Prometheus, with what gauges read now. */
  text(readings: readonly Reading[]): string {
    for (const metric of new Set(readings.map((reading) => reading.metric))) this.#of(metric).clear();
    for (const { metric, value, labels } of readings) this.#of(metric).set(value, labels);
    return [...this.#instruments.values()].map((instrument) => instrument.text()).join('');
  }

  #take(measurements: readonly Measurement[]): void {
    for (const { metric, value, labels } of measurements) {
      const instrument = this.#of(metric);
      if (instrument.definition.kind === 'histogram') instrument.observe(value, labels);
      else instrument.add(value, labels);
    }
  }

  #embed(measurements: readonly Measurement[], at: number, properties?: Record<string, unknown>): void {
    if (this.#writeEmbedded === undefined) return;
    const document = embeddedMetrics(measurements, at, properties);
    if (document !== undefined) this.#writeEmbedded(document);
  }

  #of(metric: MetricKey): Instrument {
    return this.#instruments.get(metric)!;
  }
}
