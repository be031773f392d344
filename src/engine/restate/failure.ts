import { TerminalError } from '@restatedev/restate-sdk';
import { type ErrorCode, errorCatalogue } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { KeptError } from '../kept-error.ts';

/** Restate keeps a failure as a number, a message and some text; the number tells a cancelled run from a failed one. */
const cancelledCode = 409;
const failedCode = 500;

export interface KeptFailure {
  readonly code: number;
  readonly message: string;
  readonly metadata?: readonly { readonly key: string; readonly value: string }[];
}

export function toFailure(error: KeptError): TerminalError {
  const { code, message, retryable, details } = error;
  return new TerminalError(message, {
    errorCode: code === 'run_cancelled' ? cancelledCode : failedCode,
    metadata: { code, retryable: String(retryable), ...(details && { details: JSON.stringify(details) }) },
  });
}

/** Whether a run ends with this as failed, and not cancelled or tried again. */
export function isFailure(error: unknown): error is TerminalError {
  return error instanceof TerminalError && error.code === failedCode;
}

/** What a call or a run failed with; Restate's own cancel and kill carry no code of ours. */
export function fromFailure(failure: Pick<TerminalError, 'code' | 'message' | 'metadata'>): KeptError {
  const { metadata = {} } = failure;
  const known = metadata.code !== undefined && metadata.code in errorCatalogue;
  const code = known ? (metadata.code as ErrorCode) : ownCode(failure.code);
  return {
    code,
    message: known ? failure.message : ownMessage(failure),
    retryable: metadata.retryable === 'true',
    ...(metadata.details !== undefined && { details: JSON.parse(metadata.details) as JsonObject }),
  };
}

export function fromKeptFailure({ code, message, metadata = [] }: KeptFailure): KeptError {
  const fields = Object.fromEntries(metadata.map(({ key, value }) => [key, value]));
  return fromFailure({ code, message, metadata: fields });
}

const ownCode = (code: number): ErrorCode => (code === cancelledCode ? 'run_cancelled' : 'run_failed');

function ownMessage({ code, message }: Pick<TerminalError, 'code' | 'message'>): string {
  return code === cancelledCode ? `The run was cancelled in Restate (${message}).` : message;
}

/** How `completion_failure` of a cancelled or killed run begins. */
export const cancelledPrefix = `[${cancelledCode}`;
