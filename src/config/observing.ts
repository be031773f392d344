import { type Networks, parseNetworks } from '../core/networks.ts';
import { type SamplerName, samplerNames } from '../observe/traces/sampler.ts';
import { type OutboundAllow, parseOutboundAllow } from '../outbound/guard/allow.ts';
import { oneOf, parseBoolean, wholeNumber } from './parse.ts';
import { optional, required, url } from './setting.ts';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export type LogLevel = (typeof logLevels)[number];

/** What is said of what happens. */
export const observingSettings = {
  logLevel: required<LogLevel>({
    variable: 'LOG_LEVEL',
    about: 'The least important log lines to write.',
    expects: 'one of trace, debug, info, warn, error, silent',
    default: 'info',
    parse: (text) => oneOf(logLevels, text.toLowerCase() === 'warning' ? 'warn' : text.toLowerCase()),
  }),
  logFormat: required<'auto' | 'json' | 'readable'>({
    variable: 'SIGNALBOX_LOG_FORMAT',
    about:
      'JSON lines for machines, or short lines for people; `auto` is readable at a terminal and JSON elsewhere.',
    expects: 'one of auto, json, readable',
    default: 'auto',
    parse: (text) => oneOf(['auto', 'json', 'readable'], text),
  }),
  metrics: required<'prometheus' | 'emf'>({
    variable: 'SIGNALBOX_METRICS',
    about:
      'With `emf`, the metrics of CloudWatch are written among the log lines as well, in the embedded metric format. `/metrics` is there with both.',
    expects: 'one of prometheus, emf',
    default: 'prometheus',
    parse: (text) => oneOf(['prometheus', 'emf'], text),
  }),
  monitoringNetworks: optional<Networks>({
    variable: 'SIGNALBOX_MONITORING_ALLOW',
    about: 'From where `/health` and `/metrics` may be read without a key.',
    expects: 'comma-separated networks and addresses such as `10.0.0.0/8`',
    parse: parseNetworks,
  }),
  outboundAllow: optional<OutboundAllow>({
    variable: 'SIGNALBOX_OUTBOUND_ALLOW',
    about:
      'What a URL that came from data (a caller, a payload, a model) may lead to besides public addresses. URLs of the configuration may lead anywhere.',
    expects:
      'comma-separated hosts, addresses and networks such as `crm.internal, *.corp.example, 10.1.0.0/16`',
    parse: parseOutboundAllow,
  }),
  traceEndpoint: url(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'The collector that spans are sent to, by OTLP over HTTP: to `/v1/traces` below it. Without it (and the next) there are no spans. `OTEL_EXPORTER_OTLP_HEADERS`, `…_COMPRESSION`, `…_TIMEOUT` and certificates are heeded too.',
  ),
  traceEndpointItself: url('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'The same, with its whole path.'),
  traceExporter: required<'otlp' | 'none'>({
    variable: 'OTEL_TRACES_EXPORTER',
    about: '`none` sends no spans, whatever the endpoint.',
    expects: 'one of otlp, none',
    default: 'otlp',
    parse: (text) => oneOf(['otlp', 'none'], text),
  }),
  telemetryDisabled: required<boolean>({
    variable: 'OTEL_SDK_DISABLED',
    about: '`true` sends no spans either.',
    expects: '`true` or `false`',
    default: 'false',
    parse: parseBoolean,
  }),
  traceSampler: required<SamplerName>({
    variable: 'OTEL_TRACES_SAMPLER',
    about:
      'Which traces are sent. Those with `parentbased` do as the sender of the request does, where it says so.',
    expects: `one of ${samplerNames.join(', ')}`,
    default: 'parentbased_always_on',
    parse: (text) => oneOf(samplerNames, text),
  }),
  traceSamplerRatio: required<number>({
    variable: 'OTEL_TRACES_SAMPLER_ARG',
    about: 'The share of the traces that `traceidratio` sends.',
    expects: 'a number from 0 to 1',
    default: '1',
    parse: parseShare,
  }),
  traceContent: required<boolean>({
    variable: 'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT',
    about:
      'Whether spans have the questions, the answers and what tools were given, redacted as logs and exports are. `SPAN_ONLY` and `SPAN_AND_EVENT` are `true`, `EVENT_ONLY` and `NO_CONTENT` are `false`.',
    expects: '`true` or `false`',
    default: 'false',
    parse: (text) => captures.get(text.toUpperCase()) ?? parseBoolean(text),
  }),
  traceDelayMs: required({
    variable: 'OTEL_BSP_SCHEDULE_DELAY',
    about:
      'How many milliseconds spans wait for others to be sent with. A process that is killed loses those.',
    expects: 'a whole number from 10 to 60000',
    default: '1000',
    parse: wholeNumber(10, 60_000),
  }),
  traceQueueLimit: required({
    variable: 'OTEL_BSP_MAX_QUEUE_SIZE',
    about:
      'How many spans may wait for a collector that is slow or away; further ones are dropped and counted.',
    expects: 'a whole number from 1 to 1000000',
    default: '2048',
    parse: wholeNumber(1, 1_000_000),
  }),
} as const;

/** As instrumentations of OpenTelemetry name it. */
const captures: ReadonlyMap<string, boolean> = new Map([
  ['SPAN_ONLY', true],
  ['SPAN_AND_EVENT', true],
  ['EVENT_ONLY', false],
  ['NO_CONTENT', false],
]);

function parseShare(text: string): number | undefined {
  const share = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return share <= 1 ? share : undefined;
}
