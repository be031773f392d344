import { type Envelope, type EnvelopeError, type EnvelopeMetadata, metadataNames } from '../core/envelope.ts';
import { type FieldError, SignalboxError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { InvocationOutput } from '../flows/invocation/invocation.ts';

/** A question in its envelope. */
export interface AgentRequest {
  readonly metadata: EnvelopeMetadata;
  readonly question: string;
  readonly sessionId: string;
}

const textLimit = 255;
const questionLimit = 10_000;

const asObject = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

/** Throws `invalid_request` with every fault. */
export function parseAgentRequest(
  body: Json,
  of: { readonly agent: string; readonly source: string },
): AgentRequest {
  const envelope = asObject(body);
  const metadata = asObject(envelope.metadata);
  const payload = asObject(envelope.payload);
  const errors: FieldError[] = [];
  const expectText = (value: unknown, path: string, limit = textLimit) => {
    const fits =
      typeof value === 'string' && value.trim() !== '' && value.length <= limit && !value.includes('\0');
    if (!fits) errors.push({ path, message: `must be a text of 1 to ${limit} characters, none of them NUL` });
  };
  for (const name of metadataNames) expectText(metadata[name], `/metadata/${name}`);
  const expectSame = (name: 'target_agent' | 'source_agent', expected: string) => {
    if (typeof metadata[name] === 'string' && metadata[name] !== expected)
      errors.push({ path: `/metadata/${name}`, message: `must be ${JSON.stringify(expected)}` });
  };
  expectSame('target_agent', of.agent);
  expectSame('source_agent', of.source);
  expectText(payload.question, '/payload/question', questionLimit);
  expectText(payload.session_id, '/payload/session_id');
  if (errors.length > 0) throw invalid(errors);
  const known = metadata as unknown as EnvelopeMetadata;
  const { question, session_id: sessionId } = payload as { question: string; session_id: string };
  return { metadata: known, question: question.trim(), sessionId };
}

function invalid(errors: readonly FieldError[]): SignalboxError {
  const list = errors.map((error) => `${error.path} ${error.message}`).join('; ');
  return new SignalboxError('invalid_request', `The envelope is not valid: ${list}.`, { fields: errors });
}

/** The envelope on its way back; its message is the run that answered. */
function backTo(metadata: EnvelopeMetadata, messageId: string, at: number): EnvelopeMetadata {
  const { source_agent: source, target_agent: target } = metadata;
  const timestamp = new Date(at).toISOString();
  return { ...metadata, source_agent: target, target_agent: source, message_id: messageId, timestamp };
}

export function answerEnvelope(
  metadata: EnvelopeMetadata,
  runId: string,
  answer: NonNullable<InvocationOutput['answer']>,
  at: number,
): Envelope {
  const { markdown, plain, understood, topic } = answer;
  const toolCalls = answer.toolCalls.map((call) => {
    const { durationMs, startedAt, ...rest } = call as {
      durationMs: number;
      startedAt?: number;
    } & JsonObject;
    const started = startedAt === undefined ? {} : { started_at: new Date(startedAt).toISOString() };
    return { ...rest, ...started, duration_ms: durationMs };
  });
  const payload = { markdown, plain, understood, topic, tool_calls: toolCalls } as JsonObject;
  return { metadata: backTo(metadata, runId, at), payload };
}

/** An error after the sender is known. `isFinal`: asked again with the same key it is the same. */
export function errorEnvelope(
  metadata: EnvelopeMetadata | null,
  error: SignalboxError,
  { at, traceId, isFinal = !error.retryable }: { at: number; traceId: string; isFinal?: boolean },
): { readonly metadata: EnvelopeMetadata | null; readonly error: EnvelopeError } {
  const timestamp = new Date(at).toISOString();
  const waitMs = error.retryAfterMs ?? 1_000;
  return {
    metadata: metadata && backTo(metadata, traceId, at),
    error: {
      ...{ code: error.code, message: error.message },
      details: { errors: (error.fields ?? []) as unknown as Json },
      recovery_action: isFinal ? 'ask_anew_with_another_idempotency_key' : 'send_again_with_the_same_key',
      retry_strategy: {
        max_attempts: isFinal ? 0 : 5,
        ...{ backoff_rate: 2, initial_delay_seconds: Math.max(1, Math.ceil(waitMs / 1_000)) },
      },
      severity: error.status >= 500 ? 'error' : 'warning',
      diagnostic_info: { trace_id: traceId, service: 'signalbox', operation: 'agents.invoke', timestamp },
    },
  };
}
