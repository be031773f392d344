import { type Alarm, isStale } from '../alarms/watch.ts';
import type { Config } from '../config/config.ts';
import type { CircuitBreakers } from '../core/circuit-breaker.ts';
import { createRedactor } from '../core/redact.ts';
import type { Engine } from '../engine/engine.ts';
import type { Flow } from '../engine/flow.ts';
import type { EngineObserver } from '../engine/observer.ts';
import type { TraceAgent } from '../flows/agent-trace.ts';
import type { AlarmsPort, MetricsPort } from '../http/ports.ts';
import type { Log } from '../observe/log.ts';
import { Metrics } from '../observe/metrics/metrics.ts';
import { Gauges } from '../observe/metrics/readings.ts';
import { seldom } from '../observe/seldom.ts';
import { StepTimes } from '../observe/step-times.ts';
import { contentThrough } from '../observe/traces/content.ts';
import { createSampler } from '../observe/traces/sampler.ts';
import { Tracer } from '../observe/traces/tracer.ts';
import { watchedFlow } from '../observe/watched-flow.ts';
import type { LiveRecord } from '../record/live.ts';
import type { Store } from '../store/store.ts';
import { version } from '../version.ts';

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
  readonly engine: Pick<Engine, 'stats' | 'versions' | 'deadLetters'>;
  readonly store: Pick<Store, 'counts' | 'disabledEndpoints' | 'oldest'>;
  readonly breakers: Pick<CircuitBreakers, 'open'>;
  readonly alarms: Pick<AlarmsPort, 'alarms'>;
}

/** What `/metrics` answers with. */
export function createMetricsPort(
  config: Config,
  { metrics, engine, store, breakers, alarms }: ObservedParts,
): MetricsPort & { close(): void } {
  const gauges = new Gauges({
    stats: () => engine.stats(),
    versions: () => engine.versions(),
    deadLetters: () => engine.deadLetters(),
    counts: () => store.counts(),
    oldest: (status) => store.oldest(status),
    openCircuits: () => breakers.open(),
    disabledEndpoints: () => store.disabledEndpoints(),
    alarms: async () => known(await alarms.alarms(), Date.now()),
    build: { version, engine: config.engine, role: config.role },
  });
  return {
    text: async () => metrics.text(await gauges.read()),
    refused: (code) => metrics.refused(code),
    close: () => gauges.close(),
  };
}

const known = (alarms: readonly Alarm[], now: number) =>
  alarms.flatMap(({ rule: { name }, state }) =>
    state === undefined || isStale(state, now) ? [] : [{ name, fires: state.status === 'firing' }],
  );

/** What the engine says, as log lines. */
export const engineLines = (log: Log): EngineObserver => ({
  runFailed: (flow, runId, message) =>
    log.failed(`A run of the flow ${flow} failed`, message, { run_id: runId }),
  runPaused: (runId, message) => log.failed('A run is paused', message, { run_id: runId }),
  storageFailed: seldom((error, times) => log.failed('The data could not be written', error, { times })),
});

export interface Traces {
  readonly tracer: Tracer;
  /** What the collector said when it did not take the latest spans. */
  problem(): string | undefined;
  /** Sends what waits, for at most `withinMs`. */
  flush(withinMs: number): Promise<void>;
}

/** Who watches flows. */
export async function openWatching(config: Config, log: Log, metrics: Metrics): Promise<Watching> {
  return {
    traces: await openTraces(config, log, metrics),
    stepTimes: new StepTimes((slow) => log.slowStep(slow)),
  };
}

/** Where spans go; undefined where nobody asked for them, and then nothing of OpenTelemetry is loaded. */
async function openTraces(config: Config, log: Log, metrics: Metrics): Promise<Traces | undefined> {
  const { traceEndpoint, traceEndpointItself, traceExporter, telemetryDisabled } = config;
  const hasEndpoint = (traceEndpoint ?? traceEndpointItself) !== undefined;
  if (!hasEndpoint || traceExporter === 'none' || telemetryDisabled) return undefined;
  const { OtlpSpans } = await import('../observe/traces/otlp.ts');
  const { traceDelayMs: delayMs, traceQueueLimit: queueLimit } = config;
  const spans = new OtlpSpans({
    ...{ version, delayMs, queueLimit, batchSize: Math.min(512, queueLimit) },
    onDropped: (count, reason) => metrics.count('spansDropped', count, [reason]),
    onChange: (problem) => log.collectorChanged(problem),
  });
  const sampler = createSampler(config.traceSampler, config.traceSamplerRatio);
  const redactor = createRedactor({ kinds: config.redact, fields: config.redactFields });
  const tracer = new Tracer({
    emit: (span) => spans.add(span),
    sampler,
    redact: (text) => redactor.text(text),
    ...(config.traceContent && { content: contentThrough(redactor) }),
  });
  return { tracer, problem: () => spans.problem, flush: (withinMs) => spans.flush(withinMs) };
}

/** Has the runs of a flow watched: for traces, and for how long steps take. */
export function watchedBy(watching: Watching): <I, O>(flow: Flow<I, O>) => Flow<I, O> {
  const { traces, stepTimes } = watching;
  const watchers = traces === undefined ? [stepTimes] : [stepTimes, traces.tracer];
  return (flow) => watchedFlow(flow, watchers);
}

/** Gives calls of agents their spans, where there are any. */
export function traceAgentBy({ traces }: Watching): { readonly traceAgent?: TraceAgent } {
  if (traces === undefined) return {};
  return {
    traceAgent: (input, context, { agent: { name, url }, sessionId, question }) =>
      traces.tracer.agentTrace(input, context, { agent: name, url, sessionId, question }),
  };
}

export interface Watching {
  readonly traces: Traces | undefined;
  readonly stepTimes: StepTimes;
}
