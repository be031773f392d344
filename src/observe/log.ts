import { type LoggerOptions, pino } from 'pino';
import { safeUrl } from '../core/safe-url.ts';
import type { Traced } from '../core/trace-context.ts';
import { whatExecutes } from '../engine/executing.ts';
import { contentFields, type Failure, type RecordedEvent } from '../record/events.ts';
import { snakeCase, toWire } from '../record/wire.ts';
import { openLines } from './lines.ts';
import { readableLines } from './readable.ts';
import { seldom } from './seldom.ts';
import type { SlowStep } from './step-times.ts';
import { TraceIds } from './trace-ids.ts';

/**
 * Everything that the system says. Each line is a method, so that its words and fields are designed in one place: saved
 * filters match the messages, saved queries the fields (snake_case). Nothing here ever throws, and no line holds a secret.
 */
export interface Log {
  /** Where it listens and where its data are. */
  started(line: { url: string; dataDir: string; startTimeMs: number }): void;
  stopping(line: { reason: string }): void;
  stopped(line: { running: number }): void;
  /** One line about something that works and should not stay so. */
  warning(message: string): void;
  /** What retention has removed, by what it is. */
  retentionRemoved(removed: Readonly<Record<string, number>>): void;

  valuesRotated(line: { keyId: string; rewritten: number; unreadable: number }): void;

  /** Those that fail because nothing can be written are one line in ten seconds, with how many there were (`times`). */
  requestFailed(line: FailedRequest): void;

  /** A request that its source's scheme did not verify; a sample of them. Of the headers only the names. */
  webhookRefused(line: {
    source: string;
    because: string;
    bodySha256: string;
    headers: readonly string[];
  }): void;
  /** The alert of a source of which many requests were refused within a minute. */
  webhooksRefused(line: { source: string }): void;

  /** `workflow_triggered`: an execution that was started from outside. */
  workflowTriggered(line: {
    executionId: string;
    runId: string;
    definitionId: string;
    initiatedBy: string | null;
    channel: string;
  }): void;

  /** The collector of spans begins to take none, or not all, and says why; or takes them again. */
  collectorChanged(problem: string | undefined): void;

  /** A step took longer than 99 of 100 of its kind, and 100 ms or more. */
  slowStep(slow: SlowStep): void;

  /** In which trace of its sender a conversation is: its lines have the `trace_id` from then on. */
  traced(conversation: Traced): void;

  /**
   * Every event of the record, once it is durable; without its content (question, answer, tool calls). That of a conversation that came to a
   * good end has a second line, `Webhook processing completed successfully`: so it is said once, however often the end had to be tried.
   */
  recorded(event: RecordedEvent): void;

  /** `Bedrock Agent attempt <n>`: each agent call, whatever the agent. */
  agentAttempt(line: AboutLine & { attempt: number; agent: string; sessionId: string }): void;
  agentAttemptFailed(line: AboutLine & { attempt: number; agent: string; error: unknown }): void;
  /** An agent in another process was not reached, or not well, and is asked again in the same attempt of ours. */
  agentRetried(line: { agent: string; attempt: number; reason: string; delayMs: number }): void;
  /** The agent has failed for good; the account of it is delivered instead of an answer. */
  agentFailed(line: AboutLine & { failure: Failure }): void;

  deliveryAttemptFailed(
    line: AboutLine & DeliveryLine & { reason: string; nextAttemptAt: string | null },
  ): void;
  /** The circuit of the endpoint is open: the delivery waits without using up an attempt. */
  deliveryHeld(line: AboutLine & { webhookUrl: string; delayMs: number }): void;
  /** The alert of a delivery that is used up, a dead letter from now on. */
  deliveryExhausted(line: AboutLine & DeliveryLine & { reason: string; code: string }): void;
  endpointDisabled(line: { webhookUrl: string; reason: string }): void;
  circuitChanged(line: { webhookUrl: string; from: string; to: string }): void;
  /** An alarm that fires, that still does, or that is over. */
  alarm(line: AlarmLine): void;
  exportFailed(line: AboutLine & { error: unknown }): void;
  /** A document of CloudWatch's embedded metric format, as it is. */
  embeddedMetrics(document: Readonly<Record<string, unknown>>): void;
  /** Something went wrong that no other line is for. */
  failed(message: string, error: unknown, fields?: Readonly<Record<string, unknown>>): void;

  /** Writes out what is still in memory. */
  flush(): void;
}

export interface FailedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly code: string;
  readonly error: unknown;
}

/** Which conversation a line is about. */
export interface AboutLine {
  readonly trackingId: string;
  readonly conversationId: string;
  readonly sourceSystem: string;
  readonly webhookType: string;
}

interface AlarmLine {
  readonly alarm: string;
  /** As it is written in the configuration. */
  readonly rule: string;
  readonly state: 'firing' | 'worse' | 'reminder' | 'resolved';
  readonly detail: string;
  readonly value: number;
  /** ISO-8601. */
  readonly since: string;
}

interface DeliveryLine {
  readonly deliveryId: string;
  readonly webhookUrl: string;
  readonly attempt: number;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  readonly level: LogLevel;
  /** `readable`: short lines for a terminal, without the events of the record unless the level is `debug`. */
  readonly format: 'json' | 'readable';
  /** Default: standard output. */
  readonly write?: (line: string) => void;
  /** Takes out of a text what must not be read in a log. It must leave JSON valid. Default: everything stays. */
  readonly redact?: (text: string) => string;
}

/** Whatever the caller puts into a line, these never come out. */
const redacted = ['authorization', 'cookie', 'secret', 'secrets', 'password', 'token', 'api_key'];

export function createLog(options: LogOptions): Log {
  const { redact = (text) => text } = options;
  const raw = openLines(options);
  const destination = options.format === 'json' ? raw : readableLines(raw);
  // Events of the record are typed and have no secrets; looking for them in each would cost more than the line.
  // Their time is that of what happened, which may be long before the line.
  const plain = pino({ ...loggerOptions(options.level), timestamp: false }, destination);
  const logger = pino(
    {
      ...loggerOptions(options.level),
      // Of the run whose code writes the line.
      mixin: () => {
        const runId = whatExecutes()?.runId;
        return runId === undefined ? {} : { run_id: runId };
      },
      redact: { paths: redacted.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    { write: (line) => destination.write(redact(line)) },
  );
  const traceIds = new TraceIds();
  const about = (line: AboutLine) => ({ ...ids(line), trace_id: traceIds.of(line.trackingId) });
  const failedRequest = ({ error, ...line }: FailedRequest, times?: number) =>
    logger.error({ ...line, ...errorFields(error), times }, 'Request failed');
  // While nothing can be written every request fails, and says the same.
  const storageFailed = seldom(failedRequest);
  const recordedLevel = options.format === 'json' ? 'info' : 'debug';
  return {
    started: (line) =>
      logger.info(
        { url: line.url, data_dir: line.dataDir, start_time_ms: line.startTimeMs },
        `Signalbox listens at ${line.url}`,
      ),
    stopping: (line) => logger.info(line, 'Stopping'),
    stopped: (line) => logger.info({ running_runs: line.running }, 'Stopped'),
    warning: (message) => logger.warn(message),
    valuesRotated: ({ keyId, ...line }) =>
      logger.info(
        { key_id: keyId, ...line },
        'All values are under the newest key; older ones are not needed any more',
      ),
    retentionRemoved: (removed) => logger.info({ removed }, 'Retention removed what is past its time'),
    requestFailed: (line) => (line.code === 'storage_failed' ? storageFailed(line) : failedRequest(line)),
    webhookRefused: ({ source, because, bodySha256, headers }) =>
      logger.warn({ source, because, body_sha256: bodySha256, header_names: headers }, 'Webhook refused'),
    webhooksRefused: ({ source }) =>
      logger.error(
        { source },
        'Many webhooks of a source are refused: a wrong secret, or somebody forges them',
      ),
    workflowTriggered: ({ executionId, runId, definitionId, initiatedBy, channel }) =>
      logger.info(
        {
          ...{ execution_id: executionId, definition_id: definitionId, run_id: runId },
          ...{ initiated_by: initiatedBy, channel },
        },
        'workflow_triggered',
      ),
    slowStep: ({ flow, step, runId, durationMs, p99Ms, untold }) =>
      logger.info(
        { flow, step, run_id: runId, duration_ms: durationMs, p99_ms: p99Ms, slow_steps_untold: untold },
        'Slow step',
      ),
    collectorChanged: (reason) =>
      reason === undefined
        ? logger.info('The collector takes spans again')
        : logger.warn({ reason }, 'The collector does not take spans'),
    traced: (conversation) => traceIds.note(conversation),
    recorded: (event) => {
      if (plain.isLevelEnabled(recordedLevel))
        plain[recordedLevel]({ ...withoutContent(event, redact), ...placeOf(event, traceIds) }, event.type);
      if (event.type !== 'WEBHOOK_CONVERSATION_COMPLETED' || event.data.status !== 'delivered') return;
      const { conversationId, sourceSystem, webhookType, deliveryStatus, totalTimeMs } = event.data;
      const { trackingId } = event;
      logger.info(
        {
          ...about({ trackingId, conversationId, sourceSystem, webhookType }),
          ...{ run_id: runOf(event), delivery_status: deliveryStatus, total_time_ms: totalTimeMs },
        },
        'Webhook processing completed successfully',
      );
    },
    agentAttempt: (line) =>
      logger.info(
        { ...about(line), attempt: line.attempt, agent: line.agent, session_id: line.sessionId },
        `Bedrock Agent attempt ${line.attempt}`,
      ),
    agentAttemptFailed: (line) =>
      logger.warn(
        { ...about(line), attempt: line.attempt, agent: line.agent, ...errorFields(line.error) },
        `Agent attempt ${line.attempt} failed`,
      ),
    agentRetried: ({ agent, attempt, reason, delayMs }) =>
      logger.warn(
        { agent, request: attempt, reason, delay_ms: delayMs },
        'Agent elsewhere failed; it is asked again',
      ),
    agentFailed: (line) =>
      logger.error(
        { ...about(line), error_code: line.failure.code, error: line.failure.message },
        'Webhook processing failed',
      ),
    deliveryAttemptFailed: (line) =>
      logger.warn(
        { ...about(line), ...delivery(line), reason: line.reason, next_attempt_at: line.nextAttemptAt },
        `Delivery attempt ${line.attempt} failed`,
      ),
    // One for each delivery that waits, each time: in an outage of a receiver more than all other lines.
    deliveryHeld: (line) =>
      logger.debug(
        { ...about(line), webhook_url: safeUrl(line.webhookUrl), delay_ms: line.delayMs },
        'Delivery waits: the circuit of its endpoint is open',
      ),
    deliveryExhausted: (line) =>
      logger.error(
        {
          ...about(line),
          ...delivery(line),
          delivery_status: 'failed',
          reason: line.reason,
          error_code: line.code,
        },
        'Delivery failed for good; it is a dead letter',
      ),
    endpointDisabled: (line) =>
      logger.error(
        { webhook_url: safeUrl(line.webhookUrl), reason: line.reason },
        'Endpoint disabled: the receiver answered 410 Gone',
      ),
    circuitChanged: (line) =>
      logger.warn(
        { webhook_url: safeUrl(line.webhookUrl), from: line.from, to: line.to },
        `Circuit ${line.to}`,
      ),
    alarm: (line) => logger[line.state === 'resolved' ? 'info' : 'error'](line, alarmWords[line.state]),
    exportFailed: (line) =>
      logger.error({ ...about(line), ...errorFields(line.error) }, 'Conversation export failed'),
    embeddedMetrics: (document) => raw.write(`${JSON.stringify(document)}\n`),
    failed: (message, error, fields) => logger.error({ ...fields, ...errorFields(error) }, message),
    flush: () => destination.flushSync?.(),
  };
}

function loggerOptions(level: LogLevel): LoggerOptions {
  return {
    level,
    base: null,
    messageKey: 'message',
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label.toUpperCase() }) },
  };
}

const alarmWords = {
  firing: 'Alarm',
  worse: 'Alarm, worse',
  reminder: 'Alarm, still',
  resolved: 'Alarm over',
} as const;

const withheld = new Set([...contentFields].map(snakeCase));

/** What others wrote into a field that stays; of an `error` its message. */
const foreignFields = new Set(['reason', 'problem', 'path', 'name', 'initiated_by']);

function withoutContent(event: RecordedEvent, redact: (text: string) => string): Record<string, unknown> {
  const line: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(toWire(event))) {
    if (name === 'webhook_url') line[name] = safeUrl(String(value));
    else if (foreignFields.has(name) && typeof value === 'string') line[name] = redact(value);
    else if (hasMessage(value)) line[name] = { ...value, message: redact(value.message) };
    else if (!withheld.has(name)) line[name] = value;
  }
  return line;
}

const hasMessage = (value: unknown): value is { message: string } =>
  typeof (value as { message?: unknown } | null)?.message === 'string';

/** The run and the trace of an event of a conversation. Its id begins with that of its run. */
function placeOf(event: RecordedEvent, traceIds: TraceIds): Record<string, unknown> {
  if (!event.type.startsWith('WEBHOOK_')) return {};
  return { run_id: runOf(event), trace_id: traceIds.of(event.trackingId) };
}

const runOf = ({ id }: RecordedEvent): string | undefined => id.split('/', 1)[0];

function ids(line: AboutLine): Record<string, unknown> {
  return {
    tracking_id: line.trackingId,
    conversation_id: line.conversationId,
    webhook_type: line.webhookType,
    webhook_metadata: { source_system: line.sourceSystem },
  };
}

function delivery(line: DeliveryLine): Record<string, unknown> {
  return { delivery_id: line.deliveryId, webhook_url: safeUrl(line.webhookUrl), attempt: line.attempt };
}

function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error) };
  const { code } = error as { code?: unknown };
  return { error: error.message, error_code: code, stack: error.stack };
}
