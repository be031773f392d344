import type { Config } from './config.ts';
import type { Engine } from './engine/engine.ts';
import type { EngineObserver } from './engine/observer.ts';
import type { MetricsPort } from './http/ports.ts';
import type { Log } from './observe/log.ts';
import { Metrics } from './observe/metrics/metrics.ts';
import { Gauges } from './observe/metrics/readings.ts';
import type { CircuitBreakers } from './outbound/breaker.ts';
import type { LiveRecord } from './record/live.ts';
import type { Store } from './store/store.ts';
import { version } from './version.ts';

/** Metrics that are fed by the events of the record. */
export function createMetrics(config: Config, log: Log, live: LiveRecord): Metrics {
  const metrics = new Metrics(
    config.metrics === 'emf' ? { writeEmbedded: (document) => log.embeddedMetrics(document) } : {},
  );
  live.subscribeAll((event) => metrics.recorded(event));
  return metrics;
}

export interface ObservedParts {
  readonly metrics: Metrics;
  readonly engine: Pick<Engine, 'stats' | 'versions'>;
  readonly store: Pick<Store, 'counts' | 'disabledEndpoints'>;
  readonly breakers: CircuitBreakers;
}

/** What `/metrics` answers with. */
export function createMetricsPort(
  config: Config,
  { metrics, engine, store, breakers }: ObservedParts,
): MetricsPort & { close(): void } {
  const gauges = new Gauges({
    stats: () => engine.stats(),
    versions: () => engine.versions(),
    counts: () => store.counts(),
    openCircuits: () => breakers.open(),
    disabledEndpoints: () => store.disabledEndpoints(),
    build: { version, engine: config.engine, role: config.role },
  });
  return {
    text: async () => metrics.text(await gauges.read()),
    refused: (code) => metrics.refused(code),
    close: () => gauges.close(),
  };
}

/** What the engine says, as log lines. */
export const engineLines = (log: Log): EngineObserver => ({
  runFailed: (flow, runId, message) =>
    log.failed(`A run of the flow ${flow} failed`, message, { run_id: runId }),
  runPaused: (runId, message) => log.failed('A run is paused', message, { run_id: runId }),
  storageFailed: (error) => log.failed('The data could not be written', error),
});
