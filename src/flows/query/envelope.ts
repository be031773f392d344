import type { JsonObject } from '../../core/json.ts';
import type { DeliveryInput } from './input.ts';

/** What is delivered, as the contract has it: the answer, or null and the error. */
export function envelope(
  input: DeliveryInput,
  attempt: { readonly number: number; readonly atMs: number; readonly url: string },
): JsonObject {
  const { answer, error } = input;
  return {
    tracking_id: input.trackingId,
    source_system: input.sourceSystem,
    source_process: input.sourceProcess,
    original_query: input.query,
    ai_response: answer && {
      response: answer.response,
      response_plain: answer.responsePlain,
      session_id: answer.sessionId,
      timestamp: answer.timestamp,
    },
    ...(error && { error: { code: error.code, message: error.message, recoverable: error.recoverable } }),
    webhook_metadata: {
      delivered_at: new Date(attempt.atMs).toISOString(),
      webhook_url: attempt.url,
      conversation_id: input.conversationId,
      delivery_id: input.deliveryId,
      webhook_type: input.webhookType,
      attempt: attempt.number,
    },
  };
}
