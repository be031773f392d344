import { SignalboxError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';

import { durationBetween, list, oneOf, parseUrls, wholeNumber } from './parse.ts';
import { optional, required, url, type Values } from './setting.ts';

/** A Secret, because it has a password in it. */
const databaseUrl = (variable: string, about: string) =>
  optional<Secret>({
    ...{ variable, about, secret: true },
    expects: 'a URL such as `postgresql://user:password@host:5432/database`',
    parse: (text) => (isPostgresUrl(text) ? new Secret(text) : undefined),
  });

const roles = ['gateway', 'worker', 'all'] as const;

export type Role = (typeof roles)[number];

const engineNames = ['embedded', 'restate', 'lambda'] as const;

type EngineName = (typeof engineNames)[number];

/** Which engine executes runs, in which process, and where they share what is known. */
export const executionSettings = {
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
} as const;

type ExecutionConfig = Values<typeof executionSettings>;

/** Also as SQLAlchemy writes it, with a driver: `postgresql+asyncpg://`. */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?(\+\w+)?:$/.test(URL.parse(text)?.protocol ?? '');
}

/** How to reach PostgreSQL; undefined without a URL. Throws `config_invalid` where the engine can't use it. */
export function postgresSettings(config: ExecutionConfig) {
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

function parseIdentityKeys(text: string): readonly string[] | undefined {
  const keys = list(text);
  return keys.every((key) => /^publickeyv1_[1-9A-HJ-NP-Za-km-z]{30,60}$/.test(key)) ? keys : undefined;
}

/** How to reach Restate and be reached by it. Throws `config_invalid` for what is missing, or open to everybody. */
export function restateSettings(config: ExecutionConfig) {
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

export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|::1)$/.test(host);

/** Throws `config_invalid` for a role that engine or store have no use for. */
export function checkRole({ role, engine, databaseUrl, uaefDatabaseUrl }: ExecutionConfig): void {
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

/** What is said on the command line, in the place of a variable. Throws `config_invalid`. */
export function roleOf(text: string): Role {
  const role = oneOf(roles, text);
  if (role !== undefined) return role;
  throw new SignalboxError(
    'config_invalid',
    `--role is ${JSON.stringify(text)}. Expected ${executionSettings.role.expects}.`,
  );
}
