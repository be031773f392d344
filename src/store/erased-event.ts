import type { StampedFact } from '../engine/engine.ts';
import type { ConversationSummary } from '../record/conversation.ts';
import type { AboutConversation } from '../record/events.ts';
import { event } from '../record/events.ts';
import type { Erasure } from './erasing.ts';

/** The fact that a conversation was erased: one, however often it is. */
export function erasedFact(summary: ConversationSummary, { runId, by, at }: Erasure): StampedFact {
  const { trackingId, conversationId, deliveryId, sourceSystem, sourceProcess, webhookType } = summary;
  const about: AboutConversation = { conversationId, deliveryId, sourceSystem, sourceProcess, webhookType };
  const fact = event('WEBHOOK_CONVERSATION_ERASED', trackingId, { ...about, runId, erasedBy: by });
  return { ...fact, id: `${trackingId}/erased`, at };
}
