import type { JsonObject } from '../core/json.ts';
import type { StampedFact } from '../engine/engine.ts';
import type { ConversationSummary } from '../record/conversation.ts';
import { eraseContent } from '../record/erasure.ts';
import type { AboutConversation } from '../record/events.ts';
import { event } from '../record/events.ts';
import type { Erasure } from './erasing.ts';

/** The fact that a conversation was erased: one, however often it is. */
export function erasedFact(summary: ConversationSummary, { runId, by, at }: Erasure): StampedFact {
  const { trackingId } = summary;
  const fact = event('WEBHOOK_CONVERSATION_ERASED', trackingId, { ...aboutOf(summary), runId, erasedBy: by });
  return { ...fact, id: `${trackingId}/erased`, at };
}

/** What stays of an event; of one that could not be read, what the conversation knows of it. */
export function erasedData(
  type: string,
  data: JsonObject | undefined,
  summary: ConversationSummary,
): JsonObject {
  return eraseContent(type, data ?? { ...aboutOf(summary), query: '', response: null });
}

function aboutOf(summary: ConversationSummary): AboutConversation {
  const { conversationId, deliveryId, sourceSystem, sourceProcess, webhookType } = summary;
  return { conversationId, deliveryId, sourceSystem, sourceProcess, webhookType };
}
