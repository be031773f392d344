import { isAbsolute, resolve } from 'node:path';
import { type ApiKey, parseApiKeys } from '../core/api-keys.ts';
import { parseDuration } from '../core/duration.ts';
import { SignalboxError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { type Networks, parseNetworks } from '../core/networks.ts';
import { type Redaction, redactions } from '../core/redact.ts';
import type { RetryPolicy } from '../core/retry.ts';
import { Secret } from '../core/secret.ts';
import { type SamplerName, samplerNames } from '../observe/traces/sampler.ts';
import { type OutboundAllow, parseOutboundAllow } from '../outbound/guard/allow.ts';
import { type WebhookType, webhookTypes } from '../record/events.ts';
import type { RecordRetention } from '../record/retention.ts';
import { alarmSettings } from './alarms.ts';
import { identityProblems, identitySettings } from './identity.ts';

/**
 * The only reader of the environment. Each setting is data: the variable, what it is, what it expects, its default as
 * somebody would write it, and how it is read. `docs/reference/configuration.md` lists the same, and a test compares them.
 */
export interface Setting<T> {
  readonly variable: string;
  readonly about: string;
  readonly expects: string;
  /** As somebody would write it; absent when there is no value without the variable. */
  readonly default?: string;
  /** A value that is never shown. */
  readonly secret?: true;
  /** Returns undefined for what can't be used, or throws an error that says why. */
  readonly parse: (text: string) => T | undefined;
}

export interface RequiredSetting<T> extends Setting<T> {
  readonly default: string;
}

/** Gives a setting its type without losing whether it has a default. */
const required = <T>(setting: RequiredSetting<T>): RequiredSetting<T> => setting;
const optional = <T>(setting: Omit<Setting<T>, 'default'>): Setting<T> => setting;

const url = (variable: string, about: string) =>
  optional<string>({ variable, about, expects: 'an http or https URL', parse: parseUrl });

/** A Secret, because it has a password in it. */
const databaseUrl = (variable: string, about: string) =>
  optional<Secret>({
    ...{ variable, about, secret: true },
    expects: 'a URL such as `postgresql://user:password@host:5432/database`',
    parse: (text) => (isPostgresUrl(text) ? new Secret(text) : undefined),
  });

const schedule = (variable: string, about: string) =>
  optional<RetryPolicy>({ variable, about, expects: scheduleExpects, parse: parseSchedule });

const scheduleExpects = '`default`, `original`, or up to 20 waits such as `2s,1m,2h`';

export const settings = {
  port: required({
    variable: 'PORT',
    about: 'The port to listen on; 0 takes any that is free.',
    expects: 'a whole number from 0 to 65535',
    default: '8080',
    parse: wholeNumber(0, 65_535),
  }),
  host: required({
    variable: 'HOST',
    about: 'The address to listen on. Any other than a loopback address needs an API key.',
    expects: 'a host name or an IP address',
    default: '127.0.0.1',
    parse: (text) => (/^[\w.:-]+$/.test(text) ? text : undefined),
  }),
  apiKeys: required<readonly ApiKey[]>({
    variable: 'SIGNALBOX_API_KEYS',
    about:
      'Who may call, and for what, besides the keys that `signalbox keys create` has made. Without any key only this machine may call, and needs none.',
    expects:
      'comma-separated `name:scopes:key`, scopes of `ingest`, `read`, `operate`, `admin` joined by `+`, keys of 16 characters or more (or `sha256=` and the hash of one)',
    default: '',
    secret: true,
    parse: parseApiKeys,
  }),
  ...identitySettings,
  dataDir: required({
    variable: 'SIGNALBOX_DATA_DIR',
    about: 'The folder with everything that is kept; made for its owner alone.',
    expects: 'a path',
    default: './data',
    parse: (text) => (isAbsolute(text) ? text : resolve(text)),
  }),
  objectsDir: optional<string>({
    variable: 'SIGNALBOX_OBJECTS_DIR',
    about:
      'The folder of exports and of values that are too large for a journal, the same for all processes: with several machines, on a file system that they share. Without it: `objects` in the data folder.',
    expects: 'a path',
    parse: (text) => (isAbsolute(text) ? text : resolve(text)),
  }),
  objectsUrl: optional<BucketUrl>({
    variable: 'SIGNALBOX_OBJECTS_URL',
    about: 'The bucket of S3, or of a store like it, with what would be in `SIGNALBOX_OBJECTS_DIR`.',
    expects: 'a bucket and a prefix such as `s3://bucket/signalbox`',
    parse: parseBucketUrl,
  }),
  exportBucket: optional<BucketUrl>({
    variable: 'CONVERSATION_EXPORT_S3_BUCKET',
    about:
      'The bucket for exported conversations. Without it they are with the other objects, under `conversation-history/`.',
    expects: 'the name of a bucket, or `s3://bucket/prefix`',
    parse: (text) => parseBucketUrl(text.startsWith('s3://') ? text : `s3://${text}`),
  }),
  s3Endpoint: url(
    'SIGNALBOX_S3_ENDPOINT',
    'Where a store is that speaks the protocol of S3; buckets are paths of it. Without it: AWS.',
  ),
  s3Encryption: optional<S3Encryption>({
    variable: 'SIGNALBOX_S3_ENCRYPTION',
    about:
      'How objects are encrypted: by S3, with the key of AWS in KMS, or with another one. Without it the bucket decides.',
    expects: '`AES256`, `aws:kms` or `aws:kms=` and the id, ARN or alias of a key',
    parse: parseEncryption,
  }),
  awsRegion: optional<string>({
    variable: 'AWS_REGION',
    about:
      'The region of the bucket, and of the function. Without it: what the profile says; `us-east-1` with `SIGNALBOX_S3_ENDPOINT`.',
    expects: 'a region such as `eu-central-1`',
    parse: (text) => (/^[a-z0-9-]{1,63}$/.test(text) ? text : undefined),
  }),
  awsAccessKeyId: optional<string>({
    variable: 'AWS_ACCESS_KEY_ID',
    about:
      'Whose access to the bucket it is. Without it: the profile, web identity, container or machine, as AWS looks for them.',
    expects: 'the id of an access key',
    parse: (text) => (/^[\w.-]{1,128}$/.test(text) ? text : undefined),
  }),
  awsSecretAccessKey: optional<Secret>({
    variable: 'AWS_SECRET_ACCESS_KEY',
    about: 'The secret of `AWS_ACCESS_KEY_ID`.',
    expects: 'a secret access key',
    secret: true,
    parse: (text) => new Secret(text),
  }),
  awsSessionToken: optional<Secret>({
    variable: 'AWS_SESSION_TOKEN',
    about: 'What belongs to `AWS_ACCESS_KEY_ID` when it is a temporary one.',
    expects: 'a session token',
    secret: true,
    parse: (text) => new Secret(text),
  }),
  today: optional<string>({
    variable: 'SIGNALBOX_TODAY',
    about: 'What “today” means to the analyst, for data that end in the past. Without it: the clock, in UTC.',
    expects: 'a date such as 2026-08-14',
    parse: parseDate,
  }),
  webhookUrl: url('WEBHOOK_URL', 'Where answers go whose type has no URL of its own.'),
  dealAnalysisUrl: url('DEAL_ANALYSIS_WEBHOOK_URL', 'Where answers of type `deal_analysis` go.'),
  dataAnalysisUrl: url('DATA_ANALYSIS_WEBHOOK_URL', 'Where answers of type `data_analysis` go.'),
  leadAnalysisUrl: url('LEAD_ANALYSIS_WEBHOOK_URL', 'Where answers of type `lead_analysis` go.'),
  generalUrl: url('GENERAL_WEBHOOK_URL', 'Where answers of type `general` go.'),
  webhookSecrets: required<readonly Secret[]>({
    variable: 'SIGNALBOX_WEBHOOK_SECRETS',
    about:
      'What deliveries are signed with, newest first. Without it one is made and kept in the data folder (`signalbox endpoints` shows it).',
    expects: 'comma-separated secrets, each `whsec_` and the base64 of 24 to 64 bytes',
    default: '',
    secret: true,
    parse: parseWebhookSecrets,
  }),
  deliverySchedule: required<RetryPolicy>({
    variable: 'SIGNALBOX_DELIVERY_SCHEDULE',
    about:
      'The waits between the attempts of a delivery, each varied by ±10 %. `default` is 2s,4s,8s,1m,5m,30m,2h,6h,12h; `original` its first three.',
    expects: scheduleExpects,
    default: 'default',
    parse: parseSchedule,
  }),
  dealAnalysisSchedule: schedule(
    'SIGNALBOX_DELIVERY_SCHEDULE_DEAL_ANALYSIS',
    'The same for `DEAL_ANALYSIS_WEBHOOK_URL` alone.',
  ),
  dataAnalysisSchedule: schedule(
    'SIGNALBOX_DELIVERY_SCHEDULE_DATA_ANALYSIS',
    'The same for `DATA_ANALYSIS_WEBHOOK_URL` alone.',
  ),
  leadAnalysisSchedule: schedule(
    'SIGNALBOX_DELIVERY_SCHEDULE_LEAD_ANALYSIS',
    'The same for `LEAD_ANALYSIS_WEBHOOK_URL` alone.',
  ),
  generalSchedule: schedule(
    'SIGNALBOX_DELIVERY_SCHEDULE_GENERAL',
    'The same for `GENERAL_WEBHOOK_URL` alone.',
  ),
  exportConversations: required<boolean>({
    variable: 'ENABLE_CONVERSATION_EXPORT',
    about: 'Whether each complete conversation is exported as four files.',
    expects: '`true` or `false`',
    default: 'false',
    parse: parseBoolean,
  }),
  redact: required<readonly Redaction[]>({
    variable: 'SIGNALBOX_REDACT',
    about:
      'What is taken out of texts before they are logged or exported: secrets of known shapes, addresses, numbers.',
    expects: '`off`, or some of `secrets`, `email`, `phone`, comma-separated',
    default: 'secrets',
    parse: parseRedactions,
  }),
  redactFields: required<readonly string[]>({
    variable: 'SIGNALBOX_REDACT_FIELDS',
    about:
      'Fields of requests and tool calls that are taken out of exports, by the end of their path; `*` is any one name.',
    expects: 'comma-separated paths such as `ssn,extra.customer.*.name,tool_calls.input.token`',
    default: '',
    parse: (text) =>
      list(text).every((path) => /^[^.\s]+(\.[^.\s]+)*$/.test(path)) ? list(text) : undefined,
  }),
  rateLimit: required<RateLimit | null>({
    variable: 'SIGNALBOX_RATE_LIMIT',
    about:
      'How many requests one API key, and one source system of it (however its name is written: case and spaces around it do not matter), may send in which time. A batch of events counts as its events; one that is larger than the limit takes a whole window.',
    expects: 'a number and a time such as `6000/1m`, or `off`',
    default: '6000/1m',
    parse: parseRateLimit,
  }),
  bodyLimitBytes: required({
    variable: 'SIGNALBOX_BODY_LIMIT',
    about: 'The largest body that a request may have.',
    expects: 'a size from 1KiB to 64MiB such as `256KiB`',
    default: '1MiB',
    parse: parseSize,
  }),
  sourcesFile: optional<string>({
    variable: 'SIGNALBOX_SOURCES',
    about:
      'A JSON file of [sources](inbound.md#sources-in-a-file), read at the start. Its secrets are in variables and files that it names.',
    expects: 'a path',
    parse: (text) => (isAbsolute(text) ? text : resolve(text)),
  }),
  verifiesWebhooks: required<boolean>({
    variable: 'VERIFY_WEBHOOK_SIGNATURE',
    about:
      'Whether webhooks of other systems must be signed. `false` lets everybody in; with `NODE_ENV=production` it needs `ALLOW_UNVERIFIED_WEBHOOKS=true` as well.',
    expects: '`true` or `false`',
    default: 'true',
    parse: parseBoolean,
  }),
  allowsUnverifiedWebhooks: required<boolean>({
    variable: 'ALLOW_UNVERIFIED_WEBHOOKS',
    about: 'Says that `VERIFY_WEBHOOK_SIGNATURE=false` is meant, in production.',
    expects: '`true` or `false`',
    default: 'false',
    parse: parseBoolean,
  }),
  production: required<boolean>({
    variable: 'NODE_ENV',
    about: 'With `production`, webhooks that are not verified are refused unless that is asked for twice.',
    expects: 'a word such as `production`',
    default: 'development',
    parse: (text) => text === 'production',
  }),
  corsOrigins: required<readonly string[]>({
    variable: 'SIGNALBOX_CORS_ORIGINS',
    about:
      'Origins whose pages may call, with a key that they send themselves. Without any, browsers keep all other origins out.',
    expects: 'comma-separated origins such as `https://app.example`',
    default: '',
    parse: parseOrigins,
  }),
  connectionLimit: required({
    variable: 'SIGNALBOX_CONNECTION_LIMIT',
    about: 'How many connections may be open at once; further ones are closed at once.',
    expects: 'a whole number from 1 to 1000000',
    default: '10000',
    parse: wholeNumber(1, 1_000_000),
  }),
  queueLimit: required({
    variable: 'SIGNALBOX_QUEUE_LIMIT',
    about: 'How many runs may wait for their turn before further requests are answered 503 `queue_full`.',
    expects: 'a whole number from 1 to 10000000',
    default: '100000',
    parse: wholeNumber(1, 10_000_000),
  }),
  role: required<Role>({
    variable: 'SIGNALBOX_ROLE',
    about:
      'What this process does: take requests, execute runs, or both. Anything but `all` needs `SIGNALBOX_ENGINE=restate` or, for a gateway, `lambda`; and `DATABASE_URL`.',
    expects: 'one of gateway, worker, all',
    default: 'all',
    parse: (text) => oneOf(roles, text),
  }),
  drainMs: optional<number>({
    variable: 'SIGNALBOX_DRAIN',
    about:
      'How long a process that is asked to stop goes on as before while `/health/ready` says that it does not, so that balancers look elsewhere first. Without it: 3 s for a gateway and a worker, no time for `all`.',
    expects: 'a time up to `10m` such as `5s`, or `0s`',
    parse: (text) => durationBetween(0, 600_000, text),
  }),
  stopWithinMs: required({
    variable: 'SIGNALBOX_STOP_WITHIN',
    about:
      'How long what is under way may take after that. What executes then is handed over: to the next start, or to another worker.',
    expects: 'a time from `1s` to `1h`',
    default: '10s',
    parse: (text) => durationBetween(1_000, 3_600_000, text),
  }),
  engine: required<EngineName>({
    variable: 'SIGNALBOX_ENGINE',
    about: 'What runs the flows: this process alone, a Restate server for several processes, or AWS Lambda.',
    expects: 'one of embedded, restate, lambda',
    default: 'embedded',
    parse: (text) => oneOf(engineNames, text),
  }),
  lambdaFunction: optional<string>({
    variable: 'SIGNALBOX_LAMBDA_FUNCTION',
    about:
      'The durable function of AWS Lambda that executes the runs, by name or ARN, and its version or alias.',
    expects: 'a function and a version or alias such as `signalbox:live`',
    parse: (text) =>
      /^(arn:[\w:-]+:function:)?[\w-]{1,64}:(\$LATEST|[\w-]{1,128})$/.test(text) ? text : undefined,
  }),
  restateIngressUrls: required<readonly string[]>({
    variable: 'RESTATE_INGRESS_URLS',
    about: 'The ingress of each node of Restate; when one is away, the next is asked.',
    expects: 'comma-separated http or https URLs',
    default: '',
    parse: parseUrls,
  }),
  restateAdminUrl: url('RESTATE_ADMIN_URL', 'The admin address of Restate.'),
  restateIdentityKeys: required<readonly string[]>({
    variable: 'RESTATE_IDENTITY_KEYS',
    about: 'Public keys of Restate. With any, requests of Restate that none of them has signed are refused.',
    expects: 'comma-separated keys that begin with `publickeyv1_`',
    default: '',
    parse: parseIdentityKeys,
  }),
  restateNamespace: required({
    variable: 'SIGNALBOX_RESTATE_NAMESPACE',
    about:
      'What the names of our services in Restate begin with; installations that share a Restate have different ones.',
    expects: 'up to 40 letters, digits and hyphens',
    default: 'signalbox',
    parse: (text) => (/^[a-zA-Z][a-zA-Z0-9-]{0,39}$/.test(text) ? text : undefined),
  }),
  workerHost: required({
    variable: 'SIGNALBOX_WORKER_HOST',
    about:
      'The address to listen on for Restate. Any other than a loopback address needs `RESTATE_IDENTITY_KEYS`.',
    expects: 'a host name or an IP address',
    default: '127.0.0.1',
    parse: (text) => (/^[\w.:-]+$/.test(text) ? text : undefined),
  }),
  workerPort: required({
    variable: 'SIGNALBOX_WORKER_PORT',
    about: 'The port to listen on for Restate.',
    expects: 'a whole number from 0 to 65535',
    default: '9080',
    parse: wholeNumber(0, 65_535),
  }),
  workerUrl: url(
    'SIGNALBOX_WORKER_URL',
    'Where Restate reaches this process, or the balancer before several of them. Without it: the host and port that it listens on.',
  ),
  databaseUrl: databaseUrl(
    'DATABASE_URL',
    'The PostgreSQL that several processes keep the record in; PgBouncer may be between. Without it the record is in the data folder. Needs `SIGNALBOX_ENGINE=restate` or `lambda`.',
  ),
  uaefDatabaseUrl: databaseUrl('UAEF_DB_URL', 'Another name of `DATABASE_URL`.'),
  databasePoolSize: required({
    variable: 'SIGNALBOX_DATABASE_POOL_SIZE',
    about:
      'How many connections to PostgreSQL each process has at most, besides the one by which it hears of news.',
    expects: 'a whole number from 1 to 1000',
    default: '10',
    parse: wholeNumber(1, 1_000),
  }),
  databaseStatementTimeoutMs: required({
    variable: 'SIGNALBOX_DATABASE_STATEMENT_TIMEOUT',
    about: 'After what time PostgreSQL gives up a statement.',
    expects: 'a time from `100ms` to `10m`',
    default: '15s',
    parse: (text) => durationBetween(100, 600_000, text),
  }),
  retentionMs: required<number | null>({
    variable: 'SIGNALBOX_RETENTION_DAYS',
    about:
      'How many days the journal of a run is kept after its end. Dead letters that were not started anew and the record of conversations stay.',
    expects: 'a whole number from 7 to 36500, or `off` to keep everything',
    default: '30',
    parse: parseDays,
  }),
  recordRetention: required<RecordRetention>({
    variable: 'SIGNALBOX_RECORD_RETENTION_DAYS',
    about:
      'How many days a conversation stays on the record after its end, unless it failed; by type where one has its own. Exported files stay.',
    expects:
      'a whole number from 7 to 36500, or `off` to keep everything, and by type such as `365,general=30`',
    default: 'off',
    parse: parseRecordRetention,
  }),
  parkAfterCrashes: required<number | null>({
    variable: 'SIGNALBOX_PARK_AFTER_CRASHES',
    about:
      'A run that was executing when the process died that many times in a row, without getting further, is paused until somebody resumes it.',
    expects: 'a whole number from 2 to 1000, or `off`',
    default: '3',
    parse: (text) => (text === 'off' ? null : wholeNumber(2, 1_000)(text)),
  }),
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
  serverUrl: url(
    'SIGNALBOX_URL',
    'The server that the command line tool calls. Without it: the one at `HOST` and `PORT`.',
  ),
  apiKey: optional<Secret>({
    variable: 'SIGNALBOX_API_KEY',
    about: 'The key that the command line tool calls a server with.',
    expects: 'a key',
    secret: true,
    parse: (text) => new Secret(text),
  }),
  ...alarmSettings,
} as const;

/** Names of the contract that other versions use. They may be set; this version does nothing with them. */
export const laterVariables: readonly string[] = [
  'OUTBOUND_WEBHOOK_QUEUE_URL',
  'MANAGER_AGENT_FUNCTION_NAME',
  'BEDROCK_AGENT_ID',
  'BEDROCK_AGENT_ALIAS_ID',
  'AGENT_RUNTIME_ARN',
  'COGNITO_USERNAME',
  'COGNITO_PASSWORD',
  'COGNITO_CLIENT_ID',
  'S3_ANALYSIS_BUCKET',
  'DYNAMODB_ALERTS_TABLE',
  'SNS_TOPIC_ARN',
  'EXECUTION_TRIGGER_SNS',
  'APPROVAL_API_URL',
  'UAEF_AGENT_ANTHROPIC_API_KEY',
  'ANTHROPIC_API_KEY',
  'DAILY_REPORT_WORKFLOW_ID',
  'CLEANUP_WORKFLOW_ID',
  'SYNC_WORKFLOW_ID',
];

type Settings = typeof settings;
type ValueOf<S> = S extends RequiredSetting<infer T> ? T : S extends Setting<infer T> ? T | undefined : never;
export type Config = { readonly [K in keyof Settings]: ValueOf<Settings[K]> };

/** Where answers go and when they are tried again, by type. */
export function endpointSettings(config: Config) {
  return {
    defaultUrl: config.webhookUrl,
    defaultSchedule: config.deliverySchedule.delaysMs,
    urls: {
      deal_analysis: config.dealAnalysisUrl,
      data_analysis: config.dataAnalysisUrl,
      lead_analysis: config.leadAnalysisUrl,
      general: config.generalUrl,
    },
    schedules: {
      deal_analysis: config.dealAnalysisSchedule?.delaysMs,
      data_analysis: config.dataAnalysisSchedule?.delaysMs,
      lead_analysis: config.leadAnalysisSchedule?.delaysMs,
      general: config.generalSchedule?.delaysMs,
    },
  };
}

/** How to reach Restate and be reached by it. Throws `config_invalid` for what is missing, or open to everybody. */
export function restateSettings(config: Config) {
  const {
    restateAdminUrl: adminUrl,
    restateIngressUrls: ingressUrls,
    restateIdentityKeys: identityKeys,
  } = config;
  if (adminUrl === undefined || ingressUrls.length === 0) {
    const missing = adminUrl === undefined ? 'RESTATE_ADMIN_URL' : 'RESTATE_INGRESS_URLS';
    const example = 'RESTATE_INGRESS_URLS=http://127.0.0.1:8080 RESTATE_ADMIN_URL=http://127.0.0.1:9070';
    throw new SignalboxError(
      'config_invalid',
      `SIGNALBOX_ENGINE is restate, and ${missing} is not set. Example: ${example}`,
    );
  }
  const { workerHost, workerPort, workerUrl, restateNamespace: namespace } = config;
  if (identityKeys.length === 0 && !isLoopback(workerHost)) {
    throw new SignalboxError(
      'config_invalid',
      `SIGNALBOX_WORKER_HOST is ${workerHost}, which others can reach, and RESTATE_IDENTITY_KEYS is not set: anybody could run flows. Set the public key that Restate logs at its start, or leave the host at 127.0.0.1.`,
    );
  }
  return {
    adminUrl,
    ingressUrls,
    identityKeys,
    namespace,
    workerHost,
    workerPort,
    ...(workerUrl && { workerUrl }),
  };
}

/** How to reach PostgreSQL; undefined without a URL. Throws `config_invalid` where the engine can't use it. */
export function postgresSettings(config: Config) {
  const { databaseUrl, uaefDatabaseUrl } = config;
  const url = databaseUrl ?? uaefDatabaseUrl;
  if (url === undefined) return undefined;
  const variable = databaseUrl === undefined ? 'UAEF_DB_URL' : 'DATABASE_URL';
  if (uaefDatabaseUrl !== undefined && uaefDatabaseUrl.reveal() !== url.reveal()) {
    throw new SignalboxError(
      'config_invalid',
      'DATABASE_URL and UAEF_DB_URL are both set, to different databases. Unset one of them.',
    );
  }
  if (config.engine === 'embedded') {
    throw new SignalboxError(
      'config_invalid',
      `${variable} is set, and SIGNALBOX_ENGINE is embedded, which keeps everything in SIGNALBOX_DATA_DIR. Set SIGNALBOX_ENGINE=restate to keep the record in PostgreSQL, or unset ${variable}.`,
    );
  }
  const { databasePoolSize: poolSize, databaseStatementTimeoutMs: statementTimeoutMs } = config;
  return { url, variable, poolSize, statementTimeoutMs };
}

/** How to reach the buckets that there are. Throws `config_invalid` for what contradicts itself or is half there. */
export function s3Settings(config: Config) {
  const { objectsUrl, objectsDir, exportBucket, s3Endpoint: endpoint, s3Encryption: encryption } = config;
  if (objectsUrl === undefined && exportBucket === undefined) {
    const ofNothing =
      endpoint !== undefined ? 'SIGNALBOX_S3_ENDPOINT' : encryption && 'SIGNALBOX_S3_ENCRYPTION';
    if (ofNothing === undefined) return {};
    throw new SignalboxError(
      'config_invalid',
      `${ofNothing} is set, and SIGNALBOX_OBJECTS_URL is not, so that objects would be in a folder. Set it to the bucket, such as s3://bucket/signalbox.`,
    );
  }
  if (objectsUrl !== undefined && objectsDir !== undefined) {
    throw new SignalboxError(
      'config_invalid',
      'SIGNALBOX_OBJECTS_URL and SIGNALBOX_OBJECTS_DIR are both set, and objects are kept in one place. Unset one of them.',
    );
  }
  const connection = s3Connection(config);
  return {
    ...(objectsUrl && { objects: { ...objectsUrl, ...connection } }),
    ...(exportBucket && { exports: { ...exportBucket, ...connection } }),
  };
}

function s3Connection(config: Config) {
  const { s3Endpoint: endpoint, s3Encryption: encryption, awsRegion: region } = config;
  const credentials = awsCredentials(config);
  return {
    ...(endpoint && { endpoint }),
    ...(region && { region }),
    ...(encryption && { encryption }),
    ...(credentials && { credentials }),
  };
}

/** Undefined when they come from elsewhere. */
function awsCredentials({ awsAccessKeyId, awsSecretAccessKey, awsSessionToken }: Config) {
  if (awsAccessKeyId === undefined && awsSecretAccessKey === undefined) return undefined;
  if (awsAccessKeyId === undefined || awsSecretAccessKey === undefined) {
    const missing = awsAccessKeyId === undefined ? 'AWS_ACCESS_KEY_ID' : 'AWS_SECRET_ACCESS_KEY';
    const message = `Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is set, and ${missing} is not. Set both or neither.`;
    throw new SignalboxError('config_invalid', message);
  }
  return {
    accessKeyId: awsAccessKeyId,
    secretAccessKey: awsSecretAccessKey,
    ...(awsSessionToken && { sessionToken: awsSessionToken }),
  };
}

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|::1)$/.test(host);

/** Throws `config_invalid` for a role that engine or store have no use for. */
export function checkRole({ role, engine, databaseUrl, uaefDatabaseUrl }: Config): void {
  if (role === 'all') return;
  const says = `The role of this process is ${role} (SIGNALBOX_ROLE or --role)`;
  if (engine === 'embedded') {
    throw new SignalboxError(
      'config_invalid',
      `${says}, and its engine is embedded, which executes runs in the one process that takes requests too. Leave the role at all, or set SIGNALBOX_ENGINE=restate.`,
    );
  }
  if (engine === 'lambda' && role === 'worker') {
    const advice = 'Leave the role at all, or set it to gateway.';
    const message = `${says}, and its engine is lambda, whose runs a function of AWS executes. ${advice}`;
    throw new SignalboxError('config_invalid', message);
  }
  if (databaseUrl ?? uaefDatabaseUrl) return;
  throw new SignalboxError(
    'config_invalid',
    `${says}, and the record is in its data folder, where no other process sees it. Set DATABASE_URL, the same for all, or leave the role at all.`,
  );
}

const roles = ['gateway', 'worker', 'all'] as const;
export type Role = (typeof roles)[number];

/** What is said on the command line, in the place of a variable. Throws `config_invalid`. */
export function roleOf(text: string): Role {
  const role = oneOf(roles, text);
  if (role !== undefined) return role;
  throw new SignalboxError(
    'config_invalid',
    `--role is ${JSON.stringify(text)}. Expected ${settings.role.expects}.`,
  );
}

const engineNames = ['embedded', 'restate', 'lambda'] as const;
type EngineName = (typeof engineNames)[number];

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** `count` requests in any window of `windowMs`. */
export interface RateLimit {
  readonly count: number;
  readonly windowMs: number;
}

/** What processes that are started from here are given. */
export const environment = (): Environment => process.env;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings. Throws `config_invalid` with one line for each variable that can't be used. */
export function readConfig(environment: Environment = process.env): Config {
  const problems = unknownNames(environment);
  const config: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries<Setting<unknown>>(settings)) {
    try {
      config[key] = readSetting(setting, environment);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  problems.push(...together(config), ...identityProblems(config));
  if (problems.length > 0) throw new SignalboxError('config_invalid', problems.join('\n'));
  return Object.freeze(config) as unknown as Config;
}

/** What single settings can't know of each other. */
function together(config: Partial<Config>): string[] {
  const unverified = config.verifiesWebhooks === false && config.production === true;
  if (!unverified || config.allowsUnverifiedWebhooks !== false) return [];
  return [
    'VERIFY_WEBHOOK_SIGNATURE is false while NODE_ENV is production. Set ALLOW_UNVERIFIED_WEBHOOKS=true as well if that is meant.',
  ];
}

/** An empty variable counts as one that is not set, as shells and compose files produce it. */
function readSetting(setting: Setting<unknown>, environment: Environment): unknown {
  const set = environment[setting.variable]?.trim();
  const text = set === undefined || set === '' ? setting.default : set;
  if (text === undefined) return undefined;
  const value = setting.parse(text);
  if (value === undefined) throw unusable(setting, text);
  return value;
}

function unusable(setting: Setting<unknown>, text: string): Error {
  // A URL that can't be read may have a password in it all the same.
  const shown = text.replace(/\/\/.*@/, '//[credentials]@').slice(0, 120);
  const seen = setting.secret ? 'is set to something else' : `is ${JSON.stringify(shown)}`;
  return new Error(`${setting.variable} ${seen}. Expected ${setting.expects.replaceAll('`', '')}.`);
}

function unknownNames(environment: Environment): string[] {
  const known = [...Object.values(settings).map((setting) => setting.variable), ...laterVariables];
  return Object.keys(environment)
    .filter((name) => name.startsWith('SIGNALBOX_') && !known.includes(name))
    .map((name) => {
      const suggestion = nearestName(name, known);
      const advice =
        suggestion === undefined
          ? 'docs/reference/configuration.md lists them.'
          : `Did you mean ${suggestion}?`;
      return `${name} is not a variable of Signalbox. ${advice}`;
    });
}

/** What all names begin with says nothing about which one is meant; SIGNALBOX_PORT means PORT. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const bare = (text: string) => text.replace(/^SIGNALBOX_/, '');
  const found = nearest(bare(name), known.map(bare));
  return known.find((one) => bare(one) === found);
}

function wholeNumber(least: number, most: number): (text: string) => number | undefined {
  return (text) => {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= least && value <= most ? value : undefined;
  };
}

function oneOf<T extends string>(values: readonly T[], text: string): T | undefined {
  return values.find((value) => value === text);
}

/** Exactly as browsers write them. */
function parseOrigins(text: string): readonly string[] | undefined {
  const origins = text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  return origins.every((one) => /^https?:/.test(one) && URL.parse(one)?.origin === one) ? origins : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  return { true: true, false: false, '1': true, '0': false }[text.toLowerCase()];
}

function parseUrl(text: string): string | undefined {
  const parsed = URL.parse(text);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return undefined;
  return decodes(parsed.username) && decodes(parsed.password) ? parsed.href : undefined;
}

/** Also as SQLAlchemy writes it, with a driver: `postgresql+asyncpg://`. */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?(\+\w+)?:$/.test(URL.parse(text)?.protocol ?? '');
}

interface BucketUrl {
  readonly bucket: string;
  /** Without slashes around it; empty for the whole bucket. */
  readonly prefix: string;
}

/** docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
function parseBucketUrl(text: string): BucketUrl | undefined {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9._=+@:,/-]{0,200}))?$/.exec(text);
  if (match === null) return undefined;
  const prefix = (match[2] ?? '').replace(/\/$/, '');
  const isUsable = prefix === '' || prefix.split('/').every((part) => !['', '.', '..'].includes(part));
  return isUsable ? { bucket: match[1]!, prefix } : undefined;
}

type S3Encryption =
  | { readonly algorithm: 'AES256' }
  | { readonly algorithm: 'aws:kms'; readonly keyId?: string };

function parseEncryption(text: string): S3Encryption | undefined {
  if (text === 'AES256') return { algorithm: 'AES256' };
  if (text === 'aws:kms') return { algorithm: 'aws:kms' };
  const keyId = /^aws:kms=([\w:/-]{1,2048})$/.exec(text)?.[1];
  return keyId === undefined ? undefined : { algorithm: 'aws:kms', keyId };
}

function parseRedactions(text: string): readonly Redaction[] | undefined {
  if (text === 'off') return [];
  const kinds = list(text).map((kind) => oneOf(redactions, kind));
  return kinds.every((kind) => kind !== undefined) ? (kinds as Redaction[]) : undefined;
}

function parseUrls(text: string): readonly string[] | undefined {
  const urls = list(text).map(parseUrl);
  return urls.every((parsed) => parsed !== undefined) ? (urls as string[]) : undefined;
}

function parseIdentityKeys(text: string): readonly string[] | undefined {
  const keys = list(text);
  return keys.every((key) => /^publickeyv1_[1-9A-HJ-NP-Za-km-z]{30,60}$/.test(key)) ? keys : undefined;
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Credentials are sent decoded; a % that begins no escape can't be. */
function decodes(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function parseDate(text: string): string | undefined {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(`${text}T`) ? text : undefined;
}

const namedSchedules: Readonly<Record<string, string>> = {
  default: '2s,4s,8s,1m,5m,30m,2h,6h,12h',
  original: '2s,4s,8s',
};

/** Longer than any outage of a receiver; far longer ones end beyond the last date that there is. */
const longestWaitMs = 365 * 86_400_000;

function parseSchedule(text: string): RetryPolicy | undefined {
  const delaysMs = (namedSchedules[text] ?? text).split(',').map(parseDuration);
  const usable = (delayMs: number | undefined) => delayMs !== undefined && delayMs <= longestWaitMs;
  if (delaysMs.length > 20 || !delaysMs.every(usable)) return undefined;
  return { maxAttempts: delaysMs.length + 1, delaysMs: delaysMs as number[] };
}

function durationBetween(leastMs: number, mostMs: number, text: string): number | undefined {
  const durationMs = parseDuration(text);
  return durationMs !== undefined && durationMs >= leastMs && durationMs <= mostMs ? durationMs : undefined;
}

/** In milliseconds; null is for ever. A week is how long the longest idempotency keys are kept. */
function parseDays(text: string): number | null | undefined {
  if (text === 'off') return null;
  const days = wholeNumber(7, 36_500)(text);
  return days === undefined ? undefined : days * 86_400_000;
}

/** `365,general=30,deal_analysis=off`: first the time of all. */
function parseRecordRetention(text: string): RecordRetention | undefined {
  const [first = '', ...rest] = list(text);
  const all = parseDays(first);
  const byType = new Map<WebhookType, number | null>();
  for (const part of rest) {
    const [, name = '', days = ''] = /^(\w+)\s*=\s*(\w+)$/.exec(part) ?? [];
    const [type, keepMs] = [oneOf(webhookTypes, name), parseDays(days)];
    if (type === undefined || keepMs === undefined || byType.has(type)) return undefined;
    byType.set(type, keepMs);
  }
  return all === undefined ? undefined : { all, byType: Object.fromEntries(byType) };
}

function parseShare(text: string): number | undefined {
  const share = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return share <= 1 ? share : undefined;
}

function parseRateLimit(text: string): RateLimit | null | undefined {
  if (text === 'off') return null;
  const match = /^(\d{1,9})\/(.+)$/.exec(text);
  const windowMs = parseDuration(match?.[2] ?? '');
  const count = Number(match?.[1]);
  return windowMs !== undefined && windowMs >= 1_000 && count >= 1 ? { count, windowMs } : undefined;
}

function parseSize(text: string): number | undefined {
  const match = /^(\d{1,9})\s*(B|KiB|MiB)?$/i.exec(text);
  if (match === null) return undefined;
  const unit = { b: 1, kib: 1_024, mib: 1_048_576 }[(match[2] ?? 'B').toLowerCase()]!;
  const size = Number(match[1]) * unit;
  return size >= 1_024 && size <= 64 * 1_048_576 ? size : undefined;
}

function parseWebhookSecrets(text: string): readonly Secret[] | undefined {
  const secrets = list(text);
  const usable = (secret: string) => {
    const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
    const size = base64 === undefined ? 0 : Buffer.from(base64, 'base64').length;
    return size >= 24 && size <= 64;
  };
  return secrets.every(usable) ? secrets.map((secret) => new Secret(secret)) : undefined;
}
