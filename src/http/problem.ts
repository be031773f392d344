import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify';
import {
  type ErrorCode,
  errorCatalogue,
  type FieldError,
  messageOf,
  SignalboxError,
} from '../core/errors.ts';
import { knownParameters } from './query-parameters.ts';

/** RFC 9457, with the members that the contract adds. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly success: false;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly tracking_id?: string;
  readonly errors?: readonly FieldError[];
}

export const problemType = 'application/problem+json; charset=utf-8';

/** What a caller is told about an error: everything of one of ours, nothing of one that was not foreseen. */
export function problemOf(error: SignalboxError, trackingId?: string): Problem {
  const { status, title } = errorCatalogue[error.code];
  return {
    type: `urn:signalbox:error:${error.code}`,
    title,
    status,
    success: false,
    code: error.code,
    detail: error.message,
    ...(trackingId !== undefined && { tracking_id: trackingId }),
    ...(error.fields !== undefined && { errors: error.fields }),
  };
}

export function sendProblem(reply: FastifyReply, error: SignalboxError, trackingId?: string): FastifyReply {
  addProblemHeaders(reply, error);
  return reply
    .code(error.status)
    .type(problemType)
    .send(JSON.stringify(problemOf(error, trackingId)));
}

export function addProblemHeaders(reply: FastifyReply, error: SignalboxError): void {
  const retryAfterMs = error.retryAfterMs ?? (error.status === 503 ? 1_000 : undefined);
  if (retryAfterMs !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(retryAfterMs / 1_000)));
  if (error.code === 'unauthenticated') {
    reply.header('www-authenticate', ['Basic realm="Signalbox", charset="UTF-8"', 'Bearer']);
  }
  reply.header('cache-control', 'no-store');
}

const internal = (cause: unknown) =>
  new SignalboxError(
    'internal_error',
    'Something went wrong that was not foreseen. The log of the server says what; trying again may help.',
    { cause },
  );

/** Any thrown value as an error of the catalogue; Fastify's own included. */
export function toSignalboxError(thrown: unknown, request?: FastifyRequest): SignalboxError {
  if (thrown instanceof SignalboxError) return thrown;
  const { code = '', validation, statusCode } = (thrown ?? {}) as Partial<FastifyError>;
  if (validation !== undefined) return fromValidation(thrown as FastifyError, request);
  const known = fastifyErrors[code];
  if (known !== undefined) return known(request, thrown);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new SignalboxError('malformed_request', messageOf(thrown), { cause: thrown });
  }
  return internal(thrown);
}

/** https://fastify.dev/docs/latest/Reference/Errors/ */
const fastifyErrors: Readonly<
  Record<string, (request: FastifyRequest | undefined, cause: unknown) => SignalboxError>
> = {
  FST_ERR_CTP_BODY_TOO_LARGE: (request, cause) =>
    new SignalboxError(
      'payload_too_large',
      `The body is larger than ${request?.routeOptions.bodyLimit ?? 'allowed'} bytes. Send less, or raise SIGNALBOX_BODY_LIMIT.`,
      { cause },
    ),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (request, cause) =>
    new SignalboxError(
      'unsupported_media_type',
      `The content type is ${JSON.stringify((request?.headers['content-type'] ?? 'not given').slice(0, 80))}. Send application/json.`,
      { cause },
    ),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: (_, cause) =>
    new SignalboxError('malformed_request', 'The body is not as long as Content-Length says.', { cause }),
  FST_ERR_CTP_EMPTY_JSON_BODY: (_, cause) =>
    new SignalboxError('malformed_request', 'The body is empty; a JSON object was expected.', { cause }),
  FST_ERR_BAD_URL: (_, cause) =>
    new SignalboxError('malformed_request', 'The path is not a valid URL path.', { cause }),
  FST_ERR_HANDLER_TIMEOUT: (_, cause) =>
    new SignalboxError('shutting_down', 'The request took too long here. Try again.', { cause }),
};

/** The names that are allowed, or the one that is not, are what a caller needs to know. */
function messageOfFault({ keyword, message, params }: FastifySchemaValidationError, known: string): string {
  if (keyword === 'enum') return `must be one of ${(params.allowedValues as string[]).join(', ')}`;
  if (keyword === 'additionalProperties')
    return `has ${JSON.stringify(String(params.additionalProperty).slice(0, 80))}, which is not known${known}`;
  return message ?? 'is not valid';
}

/** A URL has room for thousands of names. */
const faultsAtMost = 20;

function fromValidation(error: FastifyError, request: FastifyRequest | undefined): SignalboxError {
  const known = error.validationContext === 'querystring' ? `; ${knownParameters(request)}` : '';
  const fields = (error.validation ?? []).slice(0, faultsAtMost).map((fault) => ({
    path: `${error.validationContext ?? ''}${fault.instancePath || '/'}`,
    message: messageOfFault(fault, known),
  }));
  const list = fields.map((field) => `${field.path} ${field.message}`).join('; ');
  return new SignalboxError('invalid_request', `The request is not valid: ${list}.`, {
    fields,
    cause: error,
  });
}
