import { messageOf, SignalboxError } from '../../core/errors.ts';

/** What went wrong with PostgreSQL. Pure; the codes are those of https://www.postgresql.org/docs/current/errcodes-appendix.html */

/** `connection`: the server, or the way to it, is away or changes. `conflict`: another transaction was faster. */
export type Transient = 'connection' | 'conflict';

const connectionStates = new Set([
  ...['57P01', '57P02', '57P03', '57P05' /* stopped, crashed, starting, idle for too long */],
  '25P03' /* silent for too long in the middle of a transaction, which was given up */,
  ...['53300' /* too many connections */, '25006' /* a standby: the primary is elsewhere by now */],
  // Of Node.js: the server is not there (yet), or went away.
  ...[
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ENOTFOUND',
    'EAI_AGAIN',
  ],
  'ENOENT' /* the socket of a server that is not running */,
]);
const conflictStates = new Set(['40001', '40P01', '55P03' /* a lock was not to be had in time */]);

/** The driver's own errors have a message and no code; PgBouncer's are protocol violations with a message. */
const connectionMessages =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable|connection error|server_login_retry|server conn crashed|query_wait_timeout|server closed the connection/i;

export function transientKind(error: unknown): Transient | undefined {
  const code = codeOf(error);
  if (conflictStates.has(code)) return 'conflict';
  if (connectionStates.has(code) || code.startsWith('08')) {
    return code === '08P01' && !connectionMessages.test(messageOf(error)) ? undefined : 'connection';
  }
  // A name with several addresses that all refuse.
  if (error instanceof AggregateError) return error.errors.map(transientKind).find((kind) => kind);
  return connectionMessages.test(messageOf(error)) ? 'connection' : undefined;
}

/** What a caller is told of a statement that failed. */
export function asStorageFailure(error: unknown, server: string): unknown {
  if (error instanceof SignalboxError || !isOfPostgres(error)) return error;
  const advice = adviceFor(error);
  const message = `PostgreSQL at ${server}: ${seen(error)}. ${advice}`;
  const retryable = transientKind(error) !== undefined || ['53', '57'].includes(codeOf(error).slice(0, 2));
  return new SignalboxError('storage_failed', message, { cause: error, retryable });
}

/** What whoever starts the server is told; `variable` is where the URL came from. */
export function asStartFailure(error: unknown, server: string, variable: string): unknown {
  if (error instanceof SignalboxError) return error;
  const remedy = startRemedies.find(({ code }) => code.test(codeOf(error) || messageOf(error)));
  if (remedy === undefined) return asStorageFailure(error, server);
  const message = `${variable}: PostgreSQL at ${server}: ${seen(error)}. ${remedy.advice}`;
  return new SignalboxError('config_invalid', message, { cause: error });
}

interface Remedy {
  readonly code: RegExp;
  readonly advice: string;
}

const startRemedies: readonly Remedy[] = [
  {
    code: /^28|must be a string/,
    advice: 'Check the user and the password of the URL, and pg_hba.conf of the server.',
  },
  { code: /^3D000$/, advice: 'Make the database first (CREATE DATABASE), or name one that is there.' },
  {
    code: /^3F000$|no schema has been selected/,
    advice: 'Make the schema first, or correct search_path of the user.',
  },
  {
    code: /^42501$/,
    advice: 'The user needs to be the owner of a schema, or CREATE on it, to make the tables of Signalbox.',
  },
  {
    code: /does not support SSL/,
    advice: 'Switch TLS on there, or write sslmode=disable into the URL where the network is trusted.',
  },
  {
    code: /CERT|SELF_SIGNED|UNABLE_TO|certificate|^ERR_SSL|^ERR_TLS|^EPROTO/,
    advice:
      'Its certificate cannot be trusted: name the authority with sslrootcert=<file> and sslmode=verify-full in the URL.',
  },
];

function adviceFor(error: unknown): string {
  const code = codeOf(error);
  if (code === '53100') return 'Its disk is full; nothing that was accepted is lost.';
  if (code === '57014')
    return 'The statement took longer than it may; look for what holds or burdens the server.';
  if (transientKind(error) === 'conflict')
    return 'Other transactions were in the way for too long; try again.';
  if (transientKind(error) !== undefined)
    return 'Check that it runs and can be reached; what was accepted is not lost.';
  return 'This was not expected; look into the log of the server.';
}

function seen(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  const code = codeOf(inner);
  const message = messageOf(inner).replace(/\.$/, '');
  return code === '' || message.includes(code) ? message : `${message} (${code})`;
}

function isOfPostgres(error: unknown): boolean {
  return codeOf(error) !== '' || transientKind(error) !== undefined;
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
