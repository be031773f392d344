/**
 * The catalogue of everything that can go wrong on purpose. `docs/reference/errors.md` lists the same codes, and a test
 * compares the two. A message says what was seen, what was expected and what to do; the code is stable.
 */

interface ErrorKind {
  /** The HTTP status it is answered with. */
  readonly status: number;
  /** Whether trying the same thing again later may succeed. */
  readonly retryable: boolean;
  /** One phrase for people; the `title` of the problem details. */
  readonly title: string;
}

const kind = (status: number, retryable: boolean, title: string): ErrorKind => ({ status, retryable, title });

export const errorCatalogue = {
  // What a caller sent.
  malformed_request: kind(400, false, 'The request could not be read'),
  unauthenticated: kind(401, false, 'No valid credentials'),
  signature_invalid: kind(401, false, 'The signature does not hold'),
  timestamp_out_of_range: kind(401, false, 'Signed too long ago'),
  forbidden: kind(403, false, 'Not allowed'),
  host_not_allowed: kind(403, false, 'This host name is not served'),
  origin_not_allowed: kind(403, false, 'This origin may not call'),
  not_found: kind(404, false, 'Nothing there'),
  method_not_allowed: kind(405, false, 'This method is not served here'),
  idempotency_in_progress: kind(409, true, 'The first request with this key is still being accepted'),
  conflict: kind(409, false, 'Not possible in the present state'),
  payload_too_large: kind(413, false, 'The body is too large'),
  unsupported_media_type: kind(415, false, 'This content type is not accepted'),
  expectation_failed: kind(417, false, 'This expectation cannot be met'),
  invalid_request: kind(422, false, 'The request is not valid'),
  idempotency_key_reused: kind(422, false, 'The idempotency key belongs to another request'),
  rate_limited: kind(429, true, 'Too many requests'),
  // What this process can't do now.
  internal_error: kind(500, true, 'Something went wrong here'),
  queue_full: kind(503, true, 'The queue is full'),
  too_many_unread: kind(503, true, 'Too many answers wait to be read'),
  too_many_streams: kind(503, true, 'Too many event streams are open'),
  shutting_down: kind(503, true, 'The server is stopping'),
  storage_failed: kind(503, true, 'The data could not be read or written'),
  object_changed: kind(409, false, 'Somebody else wrote the object'),
  issuer_unavailable: kind(503, true, 'The issuer of the token cannot be asked for its keys'),
  secret_unavailable: kind(503, true, 'The store of secrets cannot be reached'),
  engine_unavailable: kind(503, true, 'The engine that runs flows cannot be reached'),
  // Starting.
  config_invalid: kind(500, false, 'The configuration cannot be used'),
  encryption_key_missing: kind(500, false, 'The data are under a key that is not there'),
  data_dir_in_use: kind(500, false, 'Another process uses this data folder'),
  schema_too_new: kind(500, false, 'The data was written by a newer version'),
  // Runs.
  unknown_source: kind(404, false, 'No such source'),
  unknown_flow: kind(404, false, 'No such flow'),
  unknown_run: kind(404, false, 'No such run'),
  unknown_execution: kind(404, false, 'No such execution'),
  run_ended: kind(409, false, 'The run has ended'),
  run_cancelled: kind(409, false, 'The run was cancelled'),
  run_failed: kind(500, false, 'The run failed'),
  flow_changed: kind(409, false, 'The flow no longer matches the journal of the run'),
  step_timeout: kind(504, true, 'The step took too long'),
  step_failed: kind(500, true, 'The step failed'),
  result_not_json: kind(500, false, 'The value is not JSON'),
  payload_over_limit: kind(413, false, 'The value is over the limit of the journal'),
  too_many_operations: kind(500, false, 'The run has too many operations'),
  run_unreadable: kind(500, false, 'The run cannot be read'),
  value_unreadable: kind(500, false, 'A stored value cannot be opened'),
  crashed_repeatedly: kind(500, false, 'The process died again and again while the run executed'),
  // Agents and the warehouse.
  agent_failed: kind(502, true, 'The agent could not answer'),
  warehouse_unavailable: kind(503, true, 'The warehouse cannot be read'),
  query_refused: kind(422, false, 'This query is not allowed'),
  query_failed: kind(422, false, 'The query failed'),
  query_timeout: kind(504, true, 'The query took too long'),
  file_unreadable: kind(422, false, 'The file cannot be read'),
  mapping_invalid: kind(422, false, 'The mapping cannot be used'),
  // Delivery.
  destination_refused: kind(422, false, 'This address may not be called'),
  delivery_exhausted: kind(502, false, 'The answer could not be delivered'),
  endpoint_disabled: kind(410, false, 'The receiver has said that it is gone'),
  notification_failed: kind(502, true, 'The notification could not be sent'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorCatalogue;

/** One field of a request that does not hold; `path` is a JSON pointer or a header's name. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

export interface ErrorOptions {
  readonly cause?: unknown;
  /** Overrides the catalogue: whether another try may succeed. */
  readonly retryable?: boolean;
  /** How long the other side asked us to wait before the next try. */
  readonly retryAfterMs?: number;
  readonly fields?: readonly FieldError[];
  /** Machine-readable facts; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error of the catalogue. Anything else that is thrown is a bug or a vendor's error, and counts as retryable. */
export class SignalboxError extends Error {
  override readonly name = 'SignalboxError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly fields: readonly FieldError[] | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = errorCatalogue[code].status;
    this.retryable = options.retryable ?? errorCatalogue[code].retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.fields = options.fields;
    this.details = options.details;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
